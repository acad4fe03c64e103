// A mutation with a key is carried out once, however often it is sent: what it did is remembered in the journal's state in the
// transaction of its first event, and what it answered when it has answered.
import { createHash, createHmac } from 'node:crypto';
import { type Clock, type Micros, systemClock } from '../../ingest/clock.ts';
import type { Journal } from '../../ingest/journal/journal.ts';
import type { StateChange } from '../../ingest/journal/messages.ts';
import { withRider } from '../../ingest/journal/rider.ts';

const KIND = 'idempotency';
const MICROS_AN_HOUR = 3_600_000_000;
/** Whoever sends something again does so within minutes, or the next morning. */
export const KEPT_HOURS = 24;
export const LONGEST_KEY = 200;
/** Answers beyond it are not kept: what was done is in the log. */
const LARGEST_ANSWER = 65_536;

export interface Keyed {
  /** Who asks: keys of others are other keys. */
  viewer: string;
  key: string;
  mutation: string;
  arguments: Readonly<Record<string, unknown>>;
}

/** What is known of a mutation that was carried out with this key. */
export interface Done {
  /** The sequence of the first event it left; absent: it found nothing to do. */
  event?: number | undefined;
  /** What was kept of its answer; absent: it never answered, or nothing is kept. */
  answer?: { kept: unknown } | undefined;
}

interface Row extends Done {
  /**
   * The mutation and its arguments, hashed under the key, which is not kept: they can name people who are erased later, and a
   * certificate of that finds even the name of the mutation where a question about them is the only other place that has it.
   */
  asked: string;
  at: Micros;
}

/** The key was used for something else. */
export class KeyUsedError extends Error {
  override name = 'KeyUsedError';
}

export class Once {
  readonly #journal: Journal;
  readonly #clock: Clock;
  /** Those under way in this process, by key; no other process has this journal. */
  readonly #underWay = new Map<string, Promise<unknown>>();
  #prunedAt: Micros = 0;

  constructor(journal: Journal, clock: Clock = systemClock) {
    this.#journal = journal;
    this.#clock = clock;
  }

  /**
   * Does the work, or says what is known of the first time. `keep`: what is kept of an answer. One with the same key that is
   * under way is waited for. What failed and left no event may be done with the same key again. Throws KeyUsedError.
   */
  async carryOut<T>(keyed: Keyed, work: () => Promise<T>, keep: (answer: T) => unknown): Promise<{ first: T } | Done> {
    const name = createHash('sha256')
      .update(JSON.stringify([keyed.viewer, keyed.key]))
      .digest('hex');
    for (let other = this.#underWay.get(name); other; other = this.#underWay.get(name))
      await other.catch(() => undefined);
    const done = this.#read(name);
    if (done) return checkSame(done, keyed);
    const first = this.#doFirst(name, keyed, work, keep);
    this.#underWay.set(name, first);
    try {
      return { first: await first };
    } finally {
      this.#underWay.delete(name);
    }
  }

  async #doFirst<T>(name: string, keyed: Keyed, work: () => Promise<T>, keep: (answer: T) => unknown): Promise<T> {
    const row: Row = { asked: hashOf(keyed), at: this.#clock() };
    const put = (value: Row | null, key = name): StateChange => ({ kind: KIND, key, value });
    let event: number | undefined;
    const change = (first: number) => {
      event = first;
      return put({ ...row, event });
    };
    const answer = await withRider({ who: keyed.viewer, change }, work);
    const kept = keep(answer);
    const isSmall = JSON.stringify(kept ?? null).length <= LARGEST_ANSWER;
    const over = this.#over();
    await this.#journal.acceptFirst(() => ({
      events: [],
      state: [
        ...over.map((key) => put(null, key)),
        put({
          ...row,
          ...(event !== undefined && { event }),
          ...(isSmall && kept !== undefined && { answer: { kept } }),
        }),
      ],
    }));
    return answer;
  }

  #read(name: string): Row | undefined {
    const row = this.#journal.state.get(KIND, name) as Row | undefined;
    return row && this.#clock() - row.at < KEPT_HOURS * MICROS_AN_HOUR ? row : undefined;
  }

  /** Those that are kept no longer; looked for once an hour. */
  #over(): string[] {
    const now = this.#clock();
    if (now - this.#prunedAt < MICROS_AN_HOUR) return [];
    this.#prunedAt = now;
    return this.#journal.state.keys(KIND).filter((key) => this.#read(key) === undefined);
  }
}

function checkSame(row: Row, keyed: Keyed): Done {
  if (row.asked !== hashOf(keyed))
    throw new KeyUsedError(
      `This idempotencyKey was given to another mutation or with other arguments before; take another one for this ${keyed.mutation}.`,
    );
  return { event: row.event, answer: row.answer };
}

function hashOf({ key, mutation, arguments: given }: Keyed): string {
  return createHmac('sha256', key)
    .update(JSON.stringify([mutation, inOrder(given)]))
    .digest('hex');
}

/** The same for arguments in another order, and for one that is absent and one that is null. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== 'object' || value === null) return value;
  const given = Object.entries(value).filter(([, each]) => each !== undefined && each !== null);
  return given.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, each]) => [name, inOrder(each)]);
}
