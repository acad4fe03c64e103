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
  /** Objects to flow outward again. */
  readonly objects = new Map<string, Cause>();
  /** Entries with references that nothing has resolved so far. */
  readonly unresolved = new Map<string, WaitingReference[]>();

  /** An entry became a connector: whoever refers to it can be resolved. */
  entryLinked(unit: Unit, entry: Entry): void {
    const cause: Cause = {
      event: entry.linkedBy ?? 0,
      root: entry.linkedRoot ?? 0,
      initiator: entry.agent,
      initiatorKnown: 'observed',
      outOfBand: false,
    };
    for (const key of targetKeys(entry, expectedImage(entry), unit.context.configuration)) {
      for (const id of unit.find('entry', 'refers', key)) {
        if (id !== entry.id && unit.entry(id)?.object !== undefined) this.entries.set(id, cause);
      }
    }
  }

  /** An object got, changed or lost its entry in a target: the objects that refer to it export something else now. */
  targetChanged(unit: Unit, objectId: string, cause: Cause): void {
    for (const id of unit.find('object', 'refers', objectId)) if (id !== objectId) this.objects.set(id, cause);
  }

  unresolvedOf(waiting: WaitingReference[], entryId: string): void {
    if (waiting.length > 0) this.unresolved.set(entryId, waiting);
    else this.unresolved.delete(entryId);
  }
}
