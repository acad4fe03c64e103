// What looks for an alert is given, and how it writes down what it found.
import type { Clock } from '../../ingest/clock.ts';
import type { ChangeLog } from '../../ingest/log.ts';
import type { Access } from '../access/access.ts';
import type { RequestContext } from '../graphql/context.ts';
import type { Occurrences, Telling } from './occurrences.ts';
import type { Alert } from './settings.ts';

export interface Watch {
  log: ChangeLog;
  clock: Clock;
  occurrences: Occurrences;
  /** What this alert may see, up to now. */
  look: (alert: Alert) => RequestContext;
  /** Its destinations, none of them told. */
  tellingsOf: (alert: Alert) => Telling[];
}

/** As what an alert looks at the log. */
export function accessOf({ name, as }: Alert): Access {
  return { viewer: `alert ${name}`, roles: [as], reason: `alert ${name}` };
}
