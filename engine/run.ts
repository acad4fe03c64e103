// A run: the steps of a run profile, one after the other, with a record of what each came to.
import { type Micros, systemClock } from '../ingest/clock.ts';
import type { EventValue, ProposedEvent } from '../ingest/event.ts';
import type { Journal } from '../ingest/journal/journal.ts';
import type { StateChange } from '../ingest/journal/messages.ts';
import type { Agent, Configuration, StepKind } from './configuration/model.ts';
import { type Connector, ConnectorError, type InputFile } from './connector.ts';
import { type Balance, type Counter, Counters } from './counters.ts';
import { exportStep } from './export-step.ts';
import { fullImport } from './full-import.ts';
import { type Admit, type StepOutcome, StepRunner } from './run-step.ts';
import { type AgentState, KINDS } from './space.ts';
import { synchronization } from './synchronization.ts';
import type { UnfinishedRun } from './unfinished-run.ts';

export interface StepResult {
  number: number;
  kind: StepKind;
  result: string;
  /** What stopped it, in one sentence. */
  message?: string;
  input?: InputFile;
  counters: Counter[];
  /** Of each object type; only import steps have any. */
  balances: Record<string, Balance>;
}

export interface RunResult {
  /** The sequence of the event that started it. */
  run: number;
  agent: string;
  profile: string;
  /** The result of the first step that is not a success, else success. */
  result: string;
  /** When it happened by its own clock, microseconds. */
  at: Micros;
  steps: StepResult[];
}

export interface RunOptions {
  /** The run's clock, for a replay: everything in it happened then. Absent: now. */
  at?: Micros | undefined;
  /** Who started it. */
  initiator?: string | undefined;
  /** Why they did; it stays in the log for good. */
  why?: string | undefined;
}

/** How far a run is that goes on. Counts include what is on its way to the journal. */
export interface RunProgress {
  run: number;
  agent: string;
  profile: string;
  /** By its own clock, microseconds. */
  startedAt: Micros;
  /** The step that goes on; undefined: between two. */
  step: (Pick<StepResult, 'number' | 'kind' | 'counters' | 'balances'> & { startedAt: Micros }) | undefined;
}

/** What the engine gives a run. */
export interface RunEnvironment {
  journal: Journal;
  configuration: Configuration;
  configurationSequence: number;
  newId: () => string;
  /** Waits while the log is too far behind. */
  admit: Admit;
}

const NO_RUN_ERRORS = new Set(['success', 'completed-no-objects']);

export class Run {
  readonly #environment: RunEnvironment;
  readonly #agent: Agent;
  readonly #connector: Connector;
  readonly #profile: string;
  readonly #options: RunOptions;
  #fixed: Micros | undefined;
  #reported = false;
  #sequence = 0;
  #startedAt: Micros = 0;
  #going: { number: number; kind: StepKind; startedAt: Micros; counters: Counters } | undefined;

  constructor(environment: RunEnvironment, agent: Agent, connector: Connector, profile: string, options: RunOptions) {
    this.#environment = environment;
    this.#agent = agent;
    this.#connector = connector;
    this.#profile = profile;
    this.#options = options;
    this.#fixed = options.at;
  }

  /** Undefined: that it began is not accepted yet. */
  get progress(): RunProgress | undefined {
    if (this.#startedAt === 0) return undefined;
    const going = this.#going;
    return {
      run: this.#sequence,
      agent: this.#agent.name,
      profile: this.#profile,
      startedAt: this.#startedAt,
      step: going && {
        number: going.number,
        kind: going.kind,
        startedAt: going.startedAt,
        counters: going.counters.list(),
        balances: Object.fromEntries([...going.counters.balances].map(([type, balance]) => [type, { ...balance }])),
      },
    };
  }

  /** Runs the steps until one is stopped. Throws LogError when the journal cannot accept; then the run is not closed. */
  async execute(): Promise<RunResult> {
    const kinds = this.#agent.runProfiles.get(this.#profile) ?? [];
    if (kinds[0] === 'full-import') await this.#takeImageDate();
    this.#sequence = await this.#accept('start', 'in-progress', this.#startValues(), {}, true);
    this.#startedAt = this.#now();
    const steps: StepResult[] = [];
    for (const [index, kind] of kinds.entries()) {
      const step = await this.#step(index + 1, kind);
      steps.push(step);
      if (step.message !== undefined) break;
    }
    const result = steps.find((step) => !NO_RUN_ERRORS.has(step.result))?.result ?? 'success';
    await this.#accept('finish', result, [text('profile', this.#profile)], {}, false);
    return { run: this.#sequence, agent: this.#agent.name, profile: this.#profile, result, at: this.#now(), steps };
  }

  #startValues(): EventValue[] {
    const { why } = this.#options;
    return [text('profile', this.#profile), ...(why === undefined ? [] : [text('reason', why.toWellFormed())])];
  }

  /** A run that begins with a dated image happens when the image was taken, from its first event on. */
  async #takeImageDate(): Promise<void> {
    const state = this.#environment.journal.state.get(KINDS.agent, this.#agent.name) as AgentState | undefined;
    try {
      const date = await this.#connector.nextImageDate?.(state?.lastImage);
      if (date !== undefined) this.#takeDate(date);
    } catch (error) {
      // The import itself meets the same fault and reports it as its result.
      if (!(error instanceof ConnectorError)) throw error;
    }
  }

  #takeDate(date: Micros): void {
    this.#fixed = Math.min(date, systemClock());
    this.#reported = true;
  }

  #now(): Micros {
    return this.#fixed ?? systemClock();
  }

  async #step(number: number, kind: StepKind): Promise<StepResult> {
    const counters = new Counters();
    const at = { step: number, stepKind: kind };
    await this.#accept('start', 'in-progress', [], at, true);
    this.#going = { number, kind, startedAt: this.#now(), counters };
    let outcome: StepOutcome;
    let message: string | undefined;
    try {
      outcome = await this.#carryOut(kind, counters, number);
    } catch (error) {
      if (!(error instanceof ConnectorError)) throw error;
      outcome = { result: error.code };
      message = error.message;
    }
    const result: StepResult = {
      number,
      kind,
      result: outcome.result,
      ...(message !== undefined && { message }),
      ...(outcome.input && { input: outcome.input }),
      counters: counters.list(),
      balances: Object.fromEntries(counters.balances),
    };
    const agentState = outcome.agentState && { kind: KINDS.agent, key: this.#agent.name, value: outcome.agentState };
    const state = agentState ? [agentState] : [];
    await this.#accept(message === undefined ? 'finish' : 'stop', outcome.result, stepValues(result), at, true, state);
    this.#going = undefined;
    return result;
  }

  /** Makes what must be there before the first run of an agent ever. */
  async #initialise(): Promise<void> {
    const { journal } = this.#environment;
    if (journal.state.get(KINDS.agent, this.#agent.name) !== undefined) return;
    await this.#connector.initialise?.();
    await journal.accept(() => ({
      events: [],
      state: [{ kind: KINDS.agent, key: this.#agent.name, value: { imported: false } }],
    }));
  }

  async #carryOut(kind: StepKind, counters: Counters, number: number): Promise<StepOutcome> {
    await this.#initialise();
    const { journal, configuration, configurationSequence, newId, admit } = this.#environment;
    const context = {
      configuration,
      configurationSequence,
      agent: this.#agent.name,
      run: this.#sequence,
      step: number,
      stepKind: kind,
      now: () => this.#now(),
      occurredAtKnown: this.#reported ? ('reported' as const) : ('observed' as const),
      newId,
      counters,
    };
    const takeImageDate = (date: Micros) => {
      this.#takeDate(date);
      context.occurredAtKnown = 'reported';
    };
    const runner = new StepRunner(journal, this.#connector, context, { takeImageDate, admit });
    // Before an image is read, which would wait in memory.
    await runner.admitted();
    switch (kind) {
      case 'full-import':
        return fullImport(runner, this.#agent);
      case 'delta-synchronization':
        return synchronization(runner, this.#agent, 'delta');
      case 'full-synchronization':
        return synchronization(runner, this.#agent, 'full');
      case 'export':
        return exportStep(runner, this.#agent);
    }
  }

  async #accept(
    operation: 'start' | 'finish' | 'stop',
    outcome: string,
    values: EventValue[],
    at: { step?: number; stepKind?: string },
    running: boolean,
    state: StateChange[] = [],
  ): Promise<number> {
    const { journal, configurationSequence } = this.#environment;
    const isFirst = operation === 'start' && at.step === undefined;
    const accepted = await journal.accept((base) => {
      const run = isFirst ? base : this.#sequence;
      const event: ProposedEvent = {
        occurredAt: this.#now(),
        occurredAtKnown: this.#reported ? 'reported' : 'observed',
        stage: 'run',
        operation,
        outcome,
        ...(operation === 'stop' && { error: outcome }),
        agent: this.#agent.name,
        values,
        initiator: this.#options.initiator ?? 'metatrail',
        initiatorKnown: this.#options.initiator === undefined ? 'observed' : 'reported',
        performer: 'metatrail',
        causes: isFirst ? [] : [this.#sequence],
        ...(!isFirst && { root: this.#sequence }),
        configuration: configurationSequence,
        run,
        ...at,
        outOfBand: false,
      };
      const unfinished: UnfinishedRun = {
        run,
        agent: this.#agent.name,
        profile: this.#profile,
        configuration: configurationSequence,
        ...(operation === 'start' && at),
      };
      const ongoing = { kind: KINDS.engine, key: 'run', value: running ? unfinished : null };
      return { events: [event], state: [...state, ongoing] };
    });
    return accepted.first;
  }
}

function text(attribute: string, value: string): EventValue {
  return { attribute, type: 'string', operation: 'add', new: value, marks: 0 };
}

function figure(attribute: string, value: number): EventValue {
  return { attribute, type: 'integer', operation: 'add', new: String(value), marks: 0 };
}

/** The record of a step as values: its input, its balances and its counters, each under its full name. */
function stepValues(step: StepResult): EventValue[] {
  const { input } = step;
  return [
    ...(input
      ? [text('input/name', input.name), figure('input/bytes', input.bytes), text('input/sha256', input.sha256)]
      : []),
    ...(step.message === undefined ? [] : [{ ...text('error-message', step.message), marks: 2 }]),
    ...Object.entries(step.balances).flatMap(([type, balance]) =>
      Object.entries(balance).map(([name, count]) => figure(`balance/${type}/${name}`, count)),
    ),
    ...step.counters.map(({ stage, agent, objectType, name, count }) =>
      figure(`counter/${stage}/${agent}/${objectType}/${name}`, count),
    ),
  ];
}
