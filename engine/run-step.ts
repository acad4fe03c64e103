// What a step of a run works with: the connector, the state, its clock, and batches that are accepted one after another.
import { setImmediate as nextTurn } from 'node:timers/promises';
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
/**
 * Events, their values and changes of state in one batch, and of one entry more: some ten milliseconds of each of the three
 * threads. Who asks something meanwhile waits for the batches before the event that says so, and for our thread.
 */
export const MOST_IN_BATCH = 750;
/** Entries looked at for one batch: what has not changed writes nothing, and takes time as well. */
const MOST_ENTRIES = 500;

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
   * Does the work for all items, in batches accepted one after another. Resolves when all are accepted. A batch waits until
   * it is admitted, but for those that record what has happened already (`happened`): what was sent must not go unrecorded.
   */
  async inBatches<T>(
    items: readonly T[],
    work: (unit: Unit, item: T) => void,
    { happened = false }: { happened?: boolean } = {},
  ): Promise<void> {
    const inFlight: Promise<unknown>[] = [];
    let done = 0;
    // Called when it is this batch's turn, for what those before it left.
    const build = (base: number) => {
      const unit = new Unit(this.state, base, this.context);
      unit.attempt(() => {
        for (const item of items.slice(done, done + MOST_ENTRIES)) {
          if (unit.weight >= MOST_IN_BATCH) break;
          done += 1;
          work(unit, item);
        }
      });
      return unit.batch;
    };
    try {
      while (done < items.length) {
        if (!happened) await this.admitted();
        const accepted = this.#journal.accept(build);
        // Its refusal is met where it is waited for; until then it must not end the process as one that nobody met.
        accepted.catch(() => undefined);
        inFlight.push(accepted);
        if (inFlight.length >= BATCHES_IN_FLIGHT) await inFlight.shift();
        // A batch that comes to nothing waits for no writer: whoever asks something would wait for the whole step.
        await nextTurn();
      }
    } finally {
      await Promise.all(inFlight);
    }
  }
}
