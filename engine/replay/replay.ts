// Rebuilds the engine's state from the events of its log, in order. What an event says is taken as it was said; what no
// event says, because nothing followed, is computed at the end of each step by the engine's own rules under the
// configuration of that time. exceptions.ts lists what cannot be rebuilt.
import { createHash } from 'node:crypto';
import type { ChangeEvent } from '../../ingest/event.ts';
import type { StateRow, StateStore } from '../../ingest/journal/state-store.ts';
import { holdChange } from '../../ingest/retention/holds.ts';
import { loadConfiguration } from '../configuration/load.ts';
import type { Configuration } from '../configuration/model.ts';
import { Counters } from '../counters.ts';
import { entryIndex, indexEntry, indexObject } from '../indexes.ts';
import { type AgentState, type Entry, KINDS, type MetaverseObject } from '../space.ts';
import type { UnfinishedRun } from '../unfinished-run.ts';
import { Unit } from '../unit.ts';
import { CARRIED_BEGIN, CARRIED_KINDS, CARRIED_STATE, carriedBy } from './carried-state.ts';
import { standingIn } from './erased-values.ts';
import { replayExport, replayExportFlow } from './replay-export.ts';
import { replayImportFlow, replayRecall } from './replay-flow.ts';
import { replayConfirmation, replayImport } from './replay-import.ts';
import { replayDeprovisioning, replayFilter, replayJoin, replayProjection, replayProvisioning } from './replay-link.ts';
import type { OpenStep, Replaying } from './step.ts';
import { rememberWishes, settleEntry } from './step-end.ts';

/** The log holds something that this program cannot replay. */
export class ReplayError extends Error {
  override name = 'ReplayError';
}

interface CutOff {
  /** Entries that events show to have been looked at. */
  shown: ReadonlySet<string>;
  /** All that it may have looked at, these among them. */
  due: ReadonlySet<string>;
}

/** Changes kept in memory before they are written. */
const CHANGES_AT_ONCE = 2_000;
const NO_CONFIGURATION: Configuration = {
  name: '',
  metaverse: new Map(),
  agents: new Map(),
  retention: {},
  access: { hidden: {} },
  cycle: [],
  text: '',
  sha256: '',
};

type Handler = (replaying: Replaying, event: ChangeEvent) => void;

const HANDLERS: Partial<Record<ChangeEvent['stage'], Handler>> = {
  import: replayImport,
  confirmation: replayConfirmation,
  filter: replayFilter,
  join: replayJoin,
  projection: replayProjection,
  'import-flow': replayImportFlow,
  recall: replayRecall,
  deletion: replayRecall,
  provisioning: replayProvisioning,
  deprovisioning: replayDeprovisioning,
  'export-flow': replayExportFlow,
  export: replayExport,
};

export class Replay {
  readonly #store: StateStore;
  #configuration = NO_CONFIGURATION;
  #configurationSequence = 0;
  #unit: Unit;
  #step: OpenStep | undefined;
  /** Of agents whose last synchronisation did not come to its end. */
  readonly #cutOff = new Map<string, CutOff>();
  #next: number;
  /** Whether the state of the last event is known: not where events have expired, until it was carried forward. */
  #isKnown: boolean;
  /** What was carried forward of the state, while it is. */
  #carried: Set<string> | undefined;

  /** `store` is empty of what is rebuilt. `first`: events before it have expired. */
  constructor(store: StateStore, first = 0) {
    this.#store = store;
    this.#next = first;
    this.#isKnown = first === 0;
    this.#unit = this.#newUnit();
  }

  /** The configuration that the last event happened under. */
  get configuration(): Configuration {
    return this.#configuration;
  }

  /** False where the beginning of the log has expired and the state was not carried forward. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** The entries that a synchronisation which did not come to its end may have looked at in vain: that is not known. */
  get cutOff(): ReadonlySet<string> {
    const ended = [...this.#cutOff.values()].map(({ due }) => due);
    const open = isSynchronization(this.#step) ? [this.#step.due, this.#step.processed, this.#step.again] : [];
    return new Set([...ended, ...open].flatMap((ids) => [...ids]));
  }

  /** Takes the next event; they come in order and without a gap. Throws ReplayError. */
  add(said: ChangeEvent): void {
    if (said.sequence !== this.#next) throw new ReplayError(`Event ${said.sequence} came when ${this.#next} was due.`);
    this.#next += 1;
    const event = standingIn(said);
    if (event.stage === 'configuration') {
      // A clock that was set back and a new key for signing are facts of the log, not of the engine.
      if (event.outcome === 'configuration-changed') this.#configure(event, event.sequence);
    } else if (event.stage === 'baseline') this.#carry(event);
    else if (event.stage === 'retention') this.#retain(event);
    else if (!this.#isKnown) return;
    else if (event.stage === 'erasure') this.#erase(event);
    else if (event.stage === 'run') this.#run(event);
    else HANDLERS[event.stage]?.({ unit: this.#unit, step: this.#step }, event);
    if (this.#unit.weight >= CHANGES_AT_ONCE) this.flush();
  }

  /** Writes what is still in memory. */
  flush(): void {
    this.#store.apply(this.#unit.batch.state);
    this.#unit = this.#newUnit();
  }

  #newUnit(): Unit {
    return new Unit(this.#store.view, this.#next, {
      configuration: this.#configuration,
      configurationSequence: this.#configurationSequence,
      agent: '',
      run: 0,
      step: 0,
      stepKind: '',
      now: () => 0,
      occurredAtKnown: 'observed',
      newId: () => {
        throw new Error('A replay makes no new ids.');
      },
      counters: new Counters(),
    });
  }

  #carry(event: ChangeEvent): void {
    const [original] = event.causes;
    const isKnown = this.#configuration !== NO_CONFIGURATION && this.#configurationSequence === original;
    if (event.stepKind === 'configuration' && original !== undefined && !isKnown) this.#configure(event, original);
    if (event.stepKind !== CARRIED_STATE) return;
    if (event.outcome === CARRIED_BEGIN) {
      this.#isKnown = true;
      this.#carried = new Set();
    }
    if (!this.#isKnown) return;
    const row = carriedBy(event);
    if (!row) return;
    this.#carried?.add(nameOf(row));
    if (row.kind === KINDS.entry) this.#unit.putEntry(row.value as Entry);
    else if (row.kind === KINDS.object) this.#unit.putObject(row.value as MetaverseObject);
    else if (row.kind === KINDS.agent) this.#unit.putAgentState(row.key, row.value as AgentState);
    else this.#unit.putFormer(row.key, String(row.value));
  }

  /** A hold in force keeps its own event from expiring, so holds are known also where the rest is not yet. */
  #retain(event: ChangeEvent): void {
    const hold = holdChange(event);
    if (hold) this.#apply(hold);
    if (event.outcome === 'partition-expired') this.#expire();
  }

  /** The state was carried forward whole: what was not there by then is no more. */
  #expire(): void {
    const carried = this.#carried;
    if (!carried) return;
    this.flush();
    for (const kind of CARRIED_KINDS)
      for (const key of this.#store.view.keys(kind))
        if (!carried.has(nameOf({ kind, key }))) this.#put(kind, key, null);
    this.#carried = undefined;
    this.#cutOff.clear();
    this.#step = undefined;
  }

  /** Who somebody was before is not remembered of whom was erased. */
  #erase({ object }: ChangeEvent): void {
    if (object === undefined) return;
    this.flush();
    const { view } = this.#store;
    for (const key of view.keys(KINDS.former))
      if (view.get(KINDS.former, key) === object) this.#put(KINDS.former, key, null);
  }

  #configure(event: ChangeEvent, sequence: number): void {
    this.#configuration = configurationIn(event);
    this.#configurationSequence = sequence;
    this.flush();
    const { name, sha256 } = this.#configuration;
    this.#put(KINDS.engine, 'configuration', { sequence, sha256, name });
    this.#reindex();
  }

  /** What can be found by which value follows from the configuration. */
  #reindex(): void {
    const { view } = this.#store;
    for (const key of view.keys(KINDS.entry)) {
      const value = view.get(KINDS.entry, key) as Entry;
      this.#apply({ kind: KINDS.entry, key, value, indexed: indexEntry(value, this.#configuration) });
    }
    for (const key of view.keys(KINDS.object)) {
      const value = view.get(KINDS.object, key) as MetaverseObject;
      this.#apply({ kind: KINDS.object, key, value, indexed: indexObject(value, this.#configuration) });
    }
  }

  #put(kind: string, key: string, value: unknown): void {
    this.#apply({ kind, key, value });
  }

  #apply(change: Parameters<StateStore['apply']>[0][number]): void {
    this.#store.view.put(change);
    this.#store.apply([change]);
  }

  #run(event: ChangeEvent): void {
    const { agent = '', run = event.sequence, operation, step, stepKind } = event;
    const profile = event.values.find(({ attribute }) => attribute === 'profile')?.new;
    const known = this.#store.view.get(KINDS.engine, 'run') as UnfinishedRun | undefined;
    if (step === undefined && operation !== 'start') {
      this.#put(KINDS.engine, 'run', null);
      if (isSynchronization(this.#step)) this.#rememberCutOff(this.#step);
      this.#step = undefined;
      return;
    }
    const at = operation === 'start' && step !== undefined && stepKind !== undefined ? { step, stepKind } : {};
    const configuration = event.configuration ?? this.#configurationSequence;
    this.#put(KINDS.engine, 'run', { run, agent, profile: profile ?? known?.profile ?? '', configuration, ...at });
    if (step === undefined || stepKind === undefined) return;
    if (operation === 'start') this.#step = this.#open(agent, stepKind);
    else this.#close(event, agent);
  }

  #open(agent: string, kind: string): OpenStep {
    const types = [...(this.#configuration.agents.get(agent)?.types.keys() ?? [])];
    const due =
      kind === 'delta-synchronization'
        ? this.#unit.find('entry', 'due', entryIndex.due(agent))
        : kind === 'full-synchronization'
          ? types.flatMap((type) => this.#unit.find('entry', 'all', entryIndex.ofAgent(agent, type)))
          : [];
    const again = new Set(this.#cutOff.get(agent)?.shown);
    return { agent, kind, due, processed: new Set(), failed: new Set(), again, flowed: new Set() };
  }

  #rememberCutOff({ agent, due, processed, again }: OpenStep): void {
    const shown = new Set([...again, ...processed]);
    this.#cutOff.set(agent, { shown, due: new Set([...(this.#cutOff.get(agent)?.due ?? []), ...due, ...shown]) });
  }

  #close(event: ChangeEvent, agent: string): void {
    const step = this.#step;
    this.#step = undefined;
    const input = event.values.find(({ attribute }) => attribute === 'input/name')?.new;
    const before = this.#store.view.get(KINDS.agent, agent) as AgentState | undefined;
    if (input !== undefined) this.#unit.putAgentState(agent, { imported: true, lastImage: input });
    else if (before === undefined && event.operation === 'finish') this.#unit.putAgentState(agent, { imported: false });
    if (!isSynchronization(step)) return;
    if (event.operation === 'finish') {
      this.#settle(step, event);
      this.#cutOff.delete(agent);
    } else this.#rememberCutOff(step);
    for (const object of step.flowed) this.#work(() => rememberWishes(this.#unit, object));
  }

  #settle(step: OpenStep, event: ChangeEvent): void {
    const again = new Set(
      event.values
        .filter(({ attribute }) => attribute.endsWith('/flow-failure-again'))
        .map(({ attribute }) => attribute),
    );
    for (const id of new Set([...step.due, ...step.processed, ...step.again])) {
      const type = this.#unit.entry(id)?.type ?? '';
      const failsAgain = again.has(`counter/import-flow/${step.agent}/${type}/flow-failure-again`);
      this.#work(() => settleEntry({ unit: this.#unit, step }, step, id, failsAgain));
    }
  }

  #work(work: () => void): void {
    work();
    if (this.#unit.weight >= CHANGES_AT_ONCE) this.flush();
  }
}

function nameOf({ kind, key }: Pick<StateRow, 'kind' | 'key'>): string {
  return `${kind}\n${key}`;
}

function isSynchronization(step: OpenStep | undefined): step is OpenStep {
  return step?.kind.endsWith('-synchronization') === true;
}

/** The configuration that an event says holds from here on. Throws ReplayError. */
function configurationIn(event: ChangeEvent): Configuration {
  const textOf = (name: string) => event.values.find(({ attribute }) => attribute === name)?.new;
  const text = textOf('text');
  if (text === undefined)
    throw new ReplayError(`The configuration of event ${event.sequence} is not in the log: it was too large for it.`);
  // Where its files are does not matter here, and may have been another machine.
  const variables = Object.fromEntries([...text.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => [name, '/']));
  try {
    const loaded = loadConfiguration(text, { file: '/configuration.yaml', variables });
    const sha256 = createHash('sha256').update(text).digest('hex');
    return { ...loaded, name: textOf('name') ?? loaded.name, sha256: textOf('sha256') ?? sha256 };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ReplayError(`The configuration of event ${event.sequence} cannot be read by this program: ${reason}`, {
      cause: error,
    });
  }
}
