// Changes as they are delivered, from a sequence onwards: what there is first, then what comes. Each is told once; whoever comes
// back with the sequence that they were told last has neither a gap nor a repetition.
import type { ChangeLog } from '../../ingest/log.ts';
import type { ChangeFilter } from '../queries/changes.ts';
import { findOnwards, type OnwardPage } from '../queries/onwards.ts';
import { findUnlessAway, newsOf } from './news.ts';
import { type Following, Told } from './told.ts';

/** Changes told at once: what is made for a client that reads slowly is no more than that. */
const MOST_AT_ONCE = 100;
/** So many events without one that is told: where to continue is worth a message, or a reconnect would look at all of them again. */
const FAR = 100_000;

/** Ends when nobody waits. Throws AccessOverError, and LogError where waiting alone does not help. */
export async function* followChanges(
  { renew, signal, everyMs }: Following,
  { shipper }: Pick<ChangeLog, 'shipper'>,
  filter: ChangeFilter,
  from: number,
): AsyncGenerator<Told<OnwardPage>, void, undefined> {
  let next = from;
  let told: number | undefined;
  while (!signal.aborted) {
    const context = renew();
    const page = await findUnlessAway(
      () => findOnwards(context.queries, filter, { from: next, first: MOST_AT_ONCE }),
      signal,
    );
    if (page !== undefined) {
      // A filter may begin beyond the log; where to continue never is.
      next = Math.max(next, Math.min(page.next, page.watermark));
      // The first message is told in any case: whoever is cut off before anything happened knows where to continue.
      if (told === undefined || page.events.length > 0 || next - told >= FAR) {
        yield new Told(context, { ...page, next }, next);
        told = next;
      }
      if (page.next < page.watermark) continue;
    }
    await newsOf(shipper, next, everyMs, signal);
  }
}
