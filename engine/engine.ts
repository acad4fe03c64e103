// The engine as the rest of the program sees it: runs an agent's run profile, one at a time.
import { randomBytes } from 'node:crypto';
import { systemClock } from '../ingest/clock.ts';
import { LogError } from '../ingest/errors.ts';
import { type EventValue, LARGE_VALUE_BYTES, type ProposedEvent } from '../ingest/event.ts';
import type { Journal } from '../ingest/journal/journal.ts';
import type { StateChange } from '../ingest/journal/messages.ts';
import type { Configuration } from './configuration/model.ts';
import type { Connector } from './connector.ts';
import { createConnector } from './connectors/create.ts';
import { indexEntry, indexObject } from './indexes.ts';
import { Run, type RunOptions, type RunProgress, type RunResult } from './run.ts';
import type { Admit } from './run-step.ts';
import { type Entry, KINDS, type MetaverseObject } from './space.ts';
import { closeUnfinishedRun } from './unfinished-run.ts';

/** A name that the configuration does not have. */
export class UnknownNameError extends Error {
  override name = 'UnknownNameError';
}

/** A configuration of another installation: one data folder holds one installation's log, and agents may be called alike. */
export class OtherInstallationError extends Error {
  override name = 'OtherInstallationError';
  constructor(recorded: string, given: string, folder: string) {
    super(
      `The data folder ${folder} holds the log of "${recorded}", and the configuration is that of "${given}". Name another data folder with --data or METATRAIL_DATA; an installation keeps its name.`,
    );
  }
}

/** What became of a run, for those who count. */
export type FinishedRun = Pick<RunResult, 'agent' | 'profile' | 'result'>;

/** Entries or objects indexed anew in one batch after the configuration changed. */
const BATCH_REINDEXED = 1000;

export class Engine {
  readonly configuration: Configuration;
  readonly #journal: Journal;
  readonly #connectors: ReadonlyMap<string, Connector>;
  readonly #configurationSequence: number;
  readonly #admit: Admit;
  /** Synchronisations exclude each other; so does everything else, for now: the end of the last run. */
  #last: Promise<unknown> = Promise.resolve();
  readonly #listeners = new Set<(run: FinishedRun) => void>();
  #going: Run | undefined;

  private constructor(journal: Journal, configuration: Configuration, sequence: number, admit: Admit) {
    this.#journal = journal;
    this.#admit = admit;
    this.configuration = configuration;
    this.#configurationSequence = sequence;
    this.#connectors = new Map([...configuration.agents.values()].map((agent) => [agent.name, createConnector(agent)]));
  }

  /**
   * Takes up the state in the journal under a configuration; a changed one is recorded first. Runs wait for `admit` before
   * each batch. Throws LogError.
   */
  static async open(
    journal: Journal,
    configuration: Configuration,
    admit: Admit = () => Promise.resolve(),
  ): Promise<Engine> {
    await closeUnfinishedRun(journal, 'stopped-service-shutdown');
    const sequence = await recordConfiguration(journal, configuration);
    return new Engine(journal, configuration, sequence, admit);
  }

  /**
   * Runs a profile; waits until the run before it is over. Throws UnknownNameError, and LogError when the journal cannot
   * accept; what went wrong in the connected system is in the result.
   */
  run(agentName: string, profile: string, options: RunOptions = {}): Promise<RunResult> {
    const agent = this.configuration.agents.get(agentName);
    const connector = this.#connectors.get(agentName);
    const names = (all: Iterable<string>) => [...all].join(', ') || 'none';
    if (!agent || !connector)
      throw new UnknownNameError(
        `There is no agent ${agentName}; there is ${names(this.configuration.agents.keys())}.`,
      );
    if (!agent.runProfiles.has(profile)) {
      throw new UnknownNameError(
        `${agentName} has no run profile ${profile}; it has ${names(agent.runProfiles.keys())}.`,
      );
    }
    const environment = {
      journal: this.#journal,
      configuration: this.configuration,
      configurationSequence: this.#configurationSequence,
      newId,
      admit: this.#admit,
    };
    const run = this.#last.then(async () => {
      // Only after a journal that could not accept is there one in this process.
      await this.#closeUnfinished();
      return this.#carryOut(new Run(environment, agent, connector, profile, options));
    });
    this.#last = run.catch(() => undefined);
    return run;
  }

  async #carryOut(run: Run): Promise<RunResult> {
    this.#going = run;
    try {
      const result = await run.execute();
      this.#tellOver(result);
      return result;
    } catch (error) {
      // An error of the program ends the run; that the run ended must not be lost with it.
      if (!(error instanceof LogError)) await this.#closeUnfinished();
      throw error;
    } finally {
      this.#going = undefined;
    }
  }

  async #closeUnfinished(): Promise<void> {
    const result = 'stopped-server';
    const closed = await closeUnfinishedRun(this.#journal, result);
    if (closed) this.#tellOver({ ...closed, result });
  }

  /** How far the run is that goes on, if one does. */
  get progress(): RunProgress | undefined {
    return this.#going?.progress;
  }

  /** Calls back with each run of this process that is over, whoever started it. Returns how to stop that. */
  onRunOver(listener: (run: FinishedRun) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tellOver(run: FinishedRun): void {
    for (const listener of this.#listeners) listener(run);
  }

  /** Does something while no run is going on, when those asked for before are over. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** Resolves when no run is going on. */
  async idle(): Promise<void> {
    await this.#last;
  }
}

let lastMillisecond = 0;
let counter = 0;

/** A UUID version 7 (RFC 9562): in the order of creation, so that neighbours compress and compare well. */
function newId(): string {
  const now = Math.floor(systemClock() / 1000);
  counter = now === lastMillisecond ? counter + 1 : 0;
  lastMillisecond = Math.max(now, lastMillisecond);
  if (counter > 0xfff) {
    lastMillisecond += 1;
    counter = 0;
  }
  const time = lastMillisecond.toString(16).padStart(12, '0');
  const random = randomBytes(8);
  random[0] = ((random[0] ?? 0) & 0x3f) | 0x80;
  const tail = random.toString('hex');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${counter.toString(16).padStart(3, '0')}-${tail.slice(0, 4)}-${tail.slice(4)}`;
}

interface RecordedConfiguration {
  sequence: number;
  sha256: string;
  /** Whose log this is. */
  name?: string;
  /** Entries and objects are not indexed under it yet. */
  reindexing?: boolean;
}

async function recordConfiguration(journal: Journal, configuration: Configuration): Promise<number> {
  const recorded = journal.state.get(KINDS.engine, 'configuration') as RecordedConfiguration | undefined;
  const { sha256, name } = configuration;
  if (recorded?.name !== undefined && recorded.name !== name)
    throw new OtherInstallationError(recorded.name, name, journal.folder);
  const remember = (value: RecordedConfiguration) => ({ kind: KINDS.engine, key: 'configuration', value });
  if (recorded?.sha256 === sha256 && !recorded.reindexing) return recorded.sequence;
  let { sequence } = recorded ?? { sequence: 0 };
  if (recorded?.sha256 !== sha256) {
    const accepted = await journal.accept((base) => ({
      events: [configurationEvent(configuration, recorded, base)],
      state: [remember({ sequence: base, sha256, name, ...(recorded && { reindexing: true }) })],
    }));
    sequence = accepted.first;
  }
  if (recorded) {
    await reindex(journal, configuration);
    await journal.accept(() => ({ events: [], state: [remember({ sequence, sha256, name })] }));
  }
  return sequence;
}

function configurationEvent(
  configuration: Configuration,
  before: RecordedConfiguration | undefined,
  sequence: number,
): ProposedEvent {
  const value = (attribute: string, text: string): EventValue => ({
    attribute,
    type: 'string',
    operation: 'add',
    new: text,
    marks: 0,
  });
  const { sha256 } = configuration;
  const hash: EventValue = before
    ? { ...value('sha256', sha256), operation: 'replace', old: before.sha256, setBy: before.sequence }
    : value('sha256', sha256);
  const text =
    Buffer.byteLength(configuration.text) <= LARGE_VALUE_BYTES * 16 ? [value('text', configuration.text)] : [];
  return {
    occurredAt: systemClock(),
    occurredAtKnown: 'observed',
    stage: 'configuration',
    operation: before ? 'update' : 'add',
    outcome: 'configuration-changed',
    values: [value('name', configuration.name), hash, ...text],
    initiatorKnown: 'unknown',
    performer: 'metatrail',
    causes: [],
    configuration: sequence,
    outOfBand: false,
  };
}

/** What can be found by which value follows from the configuration; under another one everything is indexed anew. */
async function reindex(journal: Journal, configuration: Configuration): Promise<void> {
  const changes: (() => StateChange)[] = [
    ...journal.state.keys(KINDS.entry).map((key) => () => {
      const value = journal.state.get(KINDS.entry, key) as Entry;
      return { kind: KINDS.entry, key, value, indexed: indexEntry(value, configuration) };
    }),
    ...journal.state.keys(KINDS.object).map((key) => () => {
      const value = journal.state.get(KINDS.object, key) as MetaverseObject;
      return { kind: KINDS.object, key, value, indexed: indexObject(value, configuration) };
    }),
  ];
  for (let from = 0; from < changes.length; from += BATCH_REINDEXED) {
    await journal.accept(() => ({
      events: [],
      state: changes.slice(from, from + BATCH_REINDEXED).map((make) => make()),
    }));
  }
}
