// Sends one feed: everything from where it is, in the order of the log, at least once. It goes on only when the receiver has taken
// what came before, and holds up no other feed.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { ChangeLog } from '../../ingest/log.ts';
import type { Access } from '../access/access.ts';
import { encodeCursor } from '../feeds/cursor.ts';
import { type FeedPage, readFeedPage } from '../feeds/feed-page.ts';
import { type FeedQuery, filterTextOf, MOST_EVENTS } from '../feeds/feed-query.ts';
import { explainError } from '../graphql/errors.ts';
import type { Installation } from '../installation.ts';
import { newsOf } from '../live/news.ts';
import { type Pace, pauseAfter } from '../outgoing/pace.ts';
import { TellingError } from '../outgoing/telling-error.ts';
import { type Batch, makeBatches } from './batches.ts';
import type { Sender } from './sender.ts';
import type { FeedSettings } from './settings.ts';

const KIND = 'feed-position';
/** So many events of which none is sent: where it is is worth a write. */
const FAR = 100_000;
/** It looks by itself, should nobody say that there is something. */
const LONGEST_REST_MS = 60_000;
/** What was not taken for so long is read again before it is sent: somebody may have been erased meanwhile. */
const LONGEST_HELD_MS = 300_000;

const positionShape = z.object({ next: z.int() });

export interface PusherParts {
  log: ChangeLog;
  context: Installation['context'];
  sender: Sender;
  pace: Pace;
  onFailed: (sentence: string) => void;
}

export class Pusher {
  readonly settings: FeedSettings;
  readonly #parts: PusherParts;
  readonly #ending = new AbortController();
  readonly #access: Access;
  #next = 0;
  #failures = 0;
  #problem: string | undefined;
  #gone: string | undefined;
  #work: Promise<void> = Promise.resolve();

  constructor(settings: FeedSettings, parts: PusherParts) {
    this.settings = settings;
    this.#parts = parts;
    const viewer = `feed ${settings.name}`;
    this.#access = { viewer, roles: [settings.as], reason: viewer, through: settings.to.kind };
  }

  /** Why the next event is not with the receiver yet; undefined: nothing is wrong. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Accepted events that were not looked at yet, or not taken. */
  get lag(): number {
    return this.#parts.log.journal.size - Math.max(this.#next, this.#kept ?? 0);
  }

  start(): void {
    this.#work = this.#run();
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#work;
  }

  get #kept(): number | undefined {
    return positionShape.safeParse(this.#parts.log.journal.state.get(KIND, this.settings.name)).data?.next;
  }

  async #run(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      try {
        await this.#begin();
        const { hasMore } = await this.#sendPage();
        this.#succeed();
        if (!hasMore) await newsOf(this.#parts.log.shipper, this.#next, LONGEST_REST_MS, signal);
      } catch (error) {
        // Whatever it is, it must not end the process.
        if (signal.aborted) return;
        this.#fail(error);
        if (error instanceof TellingError && error.final !== undefined) return;
        await this.#rest();
      }
    }
  }

  /** Where it was never sent it begins with what comes, or where the file says. */
  async #begin(): Promise<void> {
    const kept = this.#kept;
    if (kept !== undefined) this.#next = Math.max(this.#next, kept);
    else {
      const { begin } = this.settings;
      await this.#keep(begin === 'now' ? this.#parts.log.journal.size : begin);
    }
  }

  async #sendPage(): Promise<FeedPage> {
    const readAt = performance.now();
    const page = await this.#read();
    if (page.gone !== undefined && page.gone !== this.#gone) this.#parts.onFailed(`${this.#name}: ${page.gone}`);
    this.#gone = page.gone;
    const { sender } = this.#parts;
    const { format } = this.settings;
    for (const batch of makeBatches(page.events, (event) => sender.write(format, event), page.next)) {
      await this.#sendBatch(batch, readAt);
      await this.#keep(batch.next);
    }
    this.#next = page.next;
    if (this.#next - (this.#kept ?? 0) >= FAR) await this.#keep(this.#next);
    return page;
  }

  /** What comes next is a read as any page of a feed is, recorded before anything of it leaves. */
  #read(): Promise<FeedPage> {
    const { context, log } = this.#parts;
    const { format, filter, integrity, begin: _, to } = this.settings;
    const filterText = filterTextOf(filter);
    const next = Math.min(this.#next, log.journal.size);
    const query: FeedQuery = {
      cursor: encodeCursor({ log: log.journal.log, feed: format, filter: filterText }, next),
      from: 0,
      limit: MOST_EVENTS,
      format: 'cloudevents',
      integrity,
      filter,
      filterText,
      parameters: [
        { name: 'to', type: 'string', text: to.kind },
        ...(filterText === '[]' ? [] : [{ name: 'filter', type: 'string' as const, text: filterText }]),
      ],
    };
    return readFeedPage({ context }, format, () => query, { ...this.#access, signal: this.#ending.signal });
  }

  /** Again and again until it is taken, or too old to be sent as it was read. */
  async #sendBatch({ first, last, events }: Batch, readAt: number): Promise<void> {
    const { sender } = this.#parts;
    const { signal } = this.#ending;
    const parts = JSON.stringify([this.settings.name, first, last, events.length]);
    const id = `feed_${createHash('sha256').update(parts).digest('hex').slice(0, 32)}`;
    for (;;)
      try {
        await sender.send(id, events, signal);
        this.#succeed();
        return;
      } catch (error) {
        const mayHelp = error instanceof TellingError && error.final === undefined;
        if (signal.aborted || !mayHelp || performance.now() - readAt > LONGEST_HELD_MS) throw error;
        this.#fail(error);
        await this.#rest();
        signal.throwIfAborted();
      }
  }

  async #keep(next: number): Promise<void> {
    const { name } = this.settings;
    const value = { next } satisfies z.infer<typeof positionShape>;
    await this.#parts.log.journal.acceptFirst(() => ({ events: [], state: [{ kind: KIND, key: name, value }] }));
    this.#next = next;
  }

  get #name(): string {
    return `The feed ${this.settings.name}`;
  }

  #succeed(): void {
    this.#failures = 0;
    this.#problem = undefined;
  }

  /** A failure that goes on is said once. */
  #fail(error: unknown): void {
    this.#failures += 1;
    const sentence = `${this.#name} waits: ${this.#sentenceOf(error)}`;
    if (sentence !== this.#problem) this.#parts.onFailed(sentence);
    this.#problem = sentence;
  }

  #sentenceOf(error: unknown): string {
    if (error instanceof TellingError)
      return error.final === undefined
        ? error.message
        : `${error.message} Nothing is sent there until the service is started again.`;
    return explainError(error, () => undefined).message;
  }

  async #rest(): Promise<void> {
    const pause = pauseAfter(this.#parts.pace, this.#failures);
    await sleep(pause, undefined, { signal: this.#ending.signal, ref: false }).catch(() => undefined);
  }
}
