// What a step of a run works with: the connector, the state, its clock, and batches that are accepted one after another.
import { LogError, type LogErrorCode, REMEDIES } from '../ingest/errors.ts';
import type { Journal } from '../ingest/journal/journal.ts';
import type { StateView } from '../ingest/journal/state.ts';
import { type Connector, ConnectorError, type InputFile } from './connector.ts';
import type { AgentState } from './space.ts';
import { type StepContext, Unit } from './unit.ts';

export interface StepOutcome {
  /** A MIM step result. */
  result: string;
  input?: InputFile;
  /** What the agent has done by now: accepted with the end of the step, which is the event that says so. */
  agentState?: AgentState;
}

/** Outcomes of a synchronisation that are somebody's to look at. */
const SYNC_ERRORS = new Set([
  'flow-failure',
  'flow-failure-again',
  'ambiguous-join',
  'could-not-join-due-to-existing-join',
  'unresolved-reference',
  'ambiguous-reference',
  'reference-not-joined',
]);

/** Batches being made durable while the next is computed. */
const BATCHES_IN_FLIGHT = 2;

/** MIM's step results for a log that cannot take more now. */
const STOPPED: Partial<Record<LogErrorCode, string>> = {
  'log-backlog': 'stopped-database-connection-lost',
  'disk-low': 'stopped-database-disk-full',
};

/** Resolves when the next batch may be made; throws LogError when it may not. */
export type Admit = () => Promise<void>;

export class StepRunner {
  readonly connector: Connector;
  readonly context: StepContext;
  readonly #journal: Journal;
  readonly #takeImageDate: (date: number) => void;
  readonly #admit: Admit;

  constructor(
    journal: Journal,
    connector: Connector,
    context: StepContext,
    { takeImageDate, admit }: { takeImageDate: (date: number) => void; admit: Admit },
  ) {
    this.#journal = journal;
    this.connector = connector;
    this.context = context;
    this.#takeImageDate = takeImageDate;
    this.#admit = admit;
  }

  get state(): StateView {
    return this.#journal.state;
  }

  /** The image says when it was taken: what this run does, it does then. */
  takeImageDate(date: number): void {
    this.#takeImageDate(date);
  }

  hasErrors(): boolean {
    const { counters } = this.context;
    return counters.errorsRemain || counters.list().some(({ name }) => SYNC_ERRORS.has(name));
  }

  /** Waits while ClickHouse is too far behind. Throws ConnectorError when that does not end, or the disk is nearly full. */
  async admitted(): Promise<void> {
    try {
      await this.#admit();
    } catch (error) {
      const result = error instanceof LogError ? STOPPED[error.code] : undefined;
      if (!(error instanceof LogError) || result === undefined) throw error;
      throw new ConnectorError(result, `${error.message} ${REMEDIES[error.code]}`, { cause: error });
    }
  }

  /**
   * Does the work for all items, so many in one accepted batch. Resolves when all are accepted. A batch waits until it is
   * admitted, but for those that record what has happened already (`happened`): what was sent must not go unrecorded.
   */
  async inBatches<T>(
    items: readonly T[],
    size: number,
    work: (unit: Unit, item: T) => void,
    { happened = false }: { happened?: boolean } = {},
  ): Promise<void> {
    const inFlight: Promise<unknown>[] = [];
    try {
      for (let from = 0; from < items.length; from += size) {
        if (!happened) await this.admitted();
        inFlight.push(this.#journal.accept((base) => this.#build(base, items.slice(from, from + size), work)));
        if (inFlight.length >= BATCHES_IN_FLIGHT) await inFlight.shift();
      }
    } finally {
      await Promise.all(inFlight);
    }
  }

  #build<T>(base: number, items: readonly T[], work: (unit: Unit, item: T) => void) {
    const unit = new Unit(this.state, base, this.context);
    unit.attempt(() => {
      for (const item of items) work(unit, item);
    });
    return unit.batch;
  }
}
