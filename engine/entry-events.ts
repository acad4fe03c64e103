// What every event about an entry says of it.
import type { EventValue } from '../ingest/event.ts';
import type { Entry } from './space.ts';

/** Who an event is about, as the entry was called then. */
export function identity(entry: Pick<Entry, 'id' | 'agent' | 'type' | 'anchor' | 'dn' | 'object'>) {
  return {
    entry: entry.id,
    agent: entry.agent,
    objectType: entry.type,
    ...(entry.anchor !== undefined && { anchor: entry.anchor }),
    ...(entry.dn !== undefined && { dn: entry.dn }),
    ...(entry.object !== undefined && { object: entry.object }),
  };
}

/** The DN of an entry as a value of an event. */
export function dnValue(before: string | undefined, after: string): EventValue {
  return before === undefined
    ? { attribute: 'dn', type: 'string', operation: 'add', new: after, marks: 2 }
    : { attribute: 'dn', type: 'string', operation: 'replace', old: before, new: after, marks: 2 };
}
