// What a synchronisation leaves to be done for others once its own entries are through: entries whose references may
// resolve now, and objects whose exports name something that has a distinguished name only now.

import type { Cause } from './cause.ts';
import type { ConnectorAttribute } from './connector.ts';
import { targetKeys } from './indexes.ts';
import { type Entry, expectedImage } from './space.ts';
import type { Unit } from './unit.ts';

/** A reference whose target is there but not joined yet. */
export interface WaitingReference {
  attribute: ConnectorAttribute;
  value: string;
}

export class Outstanding {
  /** Entries to synchronise again, with the event that made it necessary. */
  readonly entries = new Map<string, Cause>();
  /** Entries that refer to one that was linked or unlinked. */
  readonly referrers = new Map<string, Cause>();
  /** Objects to flow outward again. */
  readonly objects = new Map<string, Cause>();
  /** Entries with references that nothing has resolved so far. */
  readonly unresolved = new Map<string, { waiting: WaitingReference[]; cause: Cause }>();
  /** Entries that have none any more. */
  readonly resolved = new Set<string>();

  /** An entry became a connector, or is one no longer: whoever refers to it refers to an object now, or to none. */
  linkChanged(unit: Unit, entry: Entry, cause: Cause): void {
    for (const key of targetKeys(entry, expectedImage(entry), unit.context.configuration)) {
      for (const id of unit.find('entry', 'refers', key)) {
        this.referrers.set(id, cause);
        if (id !== entry.id && unit.entry(id)?.object !== undefined) this.entries.set(id, cause);
      }
    }
  }

  /** An object got, changed or lost its entry in a target: the objects that refer to it export something else now. */
  targetChanged(unit: Unit, objectId: string, cause: Cause): void {
    for (const id of unit.find('object', 'refers', objectId)) this.objects.set(id, cause);
  }

  /** Takes over what another collected: what is collected for an entry counts only once its rules have not failed. */
  add(other: Outstanding): void {
    for (const [id, cause] of other.entries) this.entries.set(id, cause);
    for (const [id, cause] of other.objects) this.objects.set(id, cause);
    for (const [id, cause] of other.referrers) this.referrers.set(id, cause);
    for (const id of other.resolved) this.unresolved.delete(id);
    for (const [id, unresolved] of other.unresolved) this.unresolved.set(id, unresolved);
  }

  unresolvedOf(waiting: WaitingReference[], entryId: string, cause: Cause): void {
    if (waiting.length > 0) this.unresolved.set(entryId, { waiting, cause });
    else {
      this.unresolved.delete(entryId);
      this.resolved.add(entryId);
    }
  }
}
