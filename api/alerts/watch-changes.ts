// Looks through the changes that meet a filter in the order of the log, each once. How far it is, what it has counted and what
// it found are accepted together; looking again at what holds nothing, after a restart, finds nothing again.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { ChangeEvent } from '../../ingest/event.ts';
import type { StateChange } from '../../ingest/journal/messages.ts';
import { findOnwards, type OnwardPage } from '../queries/onwards.ts';
import type { Changes, Found, Occurrence } from './occurrences.ts';
import type { Alert } from './settings.ts';
import type { Watch } from './watch.ts';
import { type Counting, countChange, NOTHING_COUNTED, passTime, type WindowRule } from './window.ts';

const POSITION = 'alert-position';
const MICROS_A_MINUTE = 60_000_000;
/** Changes looked at together: what they come to is one batch. */
const AT_ONCE = 500;
/** So many events without one that counts: where it is is worth a write, or a restart would look at all of them again. */
const FAR = 100_000;

const positionShape = z.object({
  /** The rule that was counted by, hashed: what was counted by another one counts no more. */
  rule: z.string(),
  next: z.number(),
  counted: z.array(z.tuple([z.number(), z.number()])),
  open: z.boolean(),
});
type Position = z.infer<typeof positionShape>;

export class ChangesWatch {
  readonly #alert: Alert<'changes'>;
  readonly #watch: Watch;
  readonly #rule: WindowRule;
  readonly #ruleHash: string;
  /** What was looked at since the position was written, and held nothing. */
  #next = 0;

  constructor(alert: Alert<'changes'>, watch: Watch) {
    this.#alert = alert;
    this.#watch = watch;
    const { filter, at_least: atLeast, within_minutes: minutes, as } = alert;
    this.#rule = { atLeast, within: minutes * MICROS_A_MINUTE };
    this.#ruleHash = createHash('sha256')
      .update(JSON.stringify([filter, atLeast, minutes, as]))
      .digest('hex')
      .slice(0, 16);
  }

  /** Notes where it begins when it never looked: whatever comes from now on is looked at. Throws LogError. */
  async begin(): Promise<void> {
    const kept = this.#read();
    if (kept?.rule === this.#ruleHash) return;
    const { journal } = this.#watch.log;
    const next = kept?.next ?? journal.size;
    await journal.acceptFirst(() => ({
      events: [],
      state: [...this.#overAtOnce(), this.#put({ next, ...NOTHING_COUNTED })],
    }));
  }

  /** Looks at all that is delivered. Throws LogError and what questions throw. */
  async look(signal: AbortSignal): Promise<void> {
    const { log, clock } = this.#watch;
    for (let isMore = true; isMore && !signal.aborted; ) {
      // Accepted before this instant is delivered; read before it is asked what is.
      const upTo = clock() - Math.ceil(log.pressure.lag.seconds * 1_000_000);
      const position = this.#read();
      if (!position) throw new Error(`The alert ${this.#alert.name} looks without having begun.`);
      const from = Math.max(position.next, this.#next);
      const page = await findOnwards(this.#watch.look(this.#alert).queries, this.#alert.filter, {
        from,
        first: AT_ONCE,
      });
      isMore = page.next < page.watermark;
      await this.#take(position, page, isMore ? undefined : upTo);
      this.#next = page.next;
    }
  }

  async #take(position: Position, page: OnwardPage, upTo: number | undefined): Promise<void> {
    const events = page.events.filter(({ stage }) => stage !== 'alert');
    const isOver = position.open && upTo !== undefined && !passTime(this.#rule, position, upTo).open;
    if (events.length === 0 && !isOver && page.next - position.next < FAR) return;
    await this.#watch.log.journal.acceptFirst((base) => {
      const tally = new Tally(this.#alert, this.#watch, base);
      let counting: Counting = position;
      for (const event of events) {
        const passed = passTime(this.#rule, counting, event.recordedAt);
        if (counting.open && !passed.open) tally.end(event.recordedAt);
        counting = countChange(this.#rule, passed, [event.sequence, event.recordedAt]);
        if (passed.open) tally.goOn(event);
        else if (counting.open) tally.raise(counting, event);
      }
      const passed = upTo === undefined ? counting : passTime(this.#rule, counting, upTo);
      if (counting.open && !passed.open) tally.end(upTo ?? 0);
      return tally.changes([this.#put({ next: page.next, ...passed })]);
    });
  }

  /** Those that are open by another rule. */
  #overAtOnce(): StateChange[] {
    const { occurrences, clock } = this.#watch;
    return occurrences.open(this.#alert.name).flatMap(({ event }) => occurrences.change(event, { endedAt: clock() }));
  }

  #read(): Position | undefined {
    return positionShape.safeParse(this.#watch.log.journal.state.get(POSITION, this.#alert.name)).data;
  }

  #put({ next, counted, open }: Counting & Pick<Position, 'next'>): StateChange {
    return { kind: POSITION, key: this.#alert.name, value: { rule: this.#ruleHash, next, counted, open } };
  }
}

/** What one page of changes comes to. */
class Tally {
  readonly #alert: Alert<'changes'>;
  readonly #watch: Watch;
  readonly #base: number;
  readonly #changes: Changes = { events: [], state: [] };
  /** The one that is open, and what became of it so far. */
  #open: Occurrence | undefined;
  #isChanged = false;

  constructor(alert: Alert<'changes'>, watch: Watch, base: number) {
    this.#alert = alert;
    this.#watch = watch;
    this.#base = base;
    this.#open = watch.occurrences.open(alert.name)[0];
  }

  /** It stands on the change that was one too many: of earlier ones the root may not be at hand. */
  raise({ counted }: Counting, { sequence, root, recordedAt }: ChangeEvent): void {
    this.#settle();
    const [first, since] = counted[0] ?? [sequence, recordedAt];
    const found: Found = {
      cause: `change ${first}`,
      first,
      last: sequence,
      count: counted.length,
      since,
      ground: { sequence, root },
    };
    const { occurrences, tellingsOf } = this.#watch;
    const event = this.#base + this.#changes.events.length;
    this.#open = occurrences.raise(this.#changes, event, this.#alert, found, tellingsOf(this.#alert));
  }

  goOn({ sequence }: ChangeEvent): void {
    if (!this.#open) return;
    this.#open = { ...this.#open, last: sequence, count: this.#open.count + 1 };
    this.#isChanged = true;
  }

  end(at: number): void {
    if (!this.#open) return;
    this.#open = { ...this.#open, endedAt: at };
    this.#isChanged = true;
    this.#settle();
  }

  #settle(): void {
    const open = this.#open;
    if (open && this.#isChanged) {
      const { count, last, endedAt } = open;
      const fresh = this.#changes.state.findLast(({ key, value }) => key === String(open.event) && value !== null);
      this.#changes.state.push(...this.#watch.occurrences.change(open.event, { count, last, endedAt }, fresh?.value));
    }
    this.#isChanged = false;
    this.#open = undefined;
  }

  changes(more: readonly StateChange[]): Changes {
    this.#settle();
    return { events: this.#changes.events, state: [...this.#changes.state, ...more] };
  }
}
