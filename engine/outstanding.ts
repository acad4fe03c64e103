// What a synchronisation leaves to be done for others once its own entries are through: entries whose references may
// resolve now, and objects whose exports name something that has a distinguished name only now. It is state, accepted with
// the batch that made it necessary, so that a synchronisation that is cut off leaves it to the agent's next.

import { z } from 'zod';
import type { StateView } from '../ingest/journal/state.ts';
import { type Cause, causeIn } from './cause.ts';
import type { Configuration } from './configuration/model.ts';
import { targetKeys } from './indexes.ts';
import { type Entry, expectedImage, KINDS } from './space.ts';
import type { Unit } from './unit.ts';

/**
 * entry: to be synchronised again; referrer: refers to an entry that was linked or unlinked; object: to be flowed outward
 * again; waiting: an entry with references whose targets are there but not joined yet.
 */
export type Task = 'entry' | 'referrer' | 'object' | 'waiting';

/** One thing to do: the id of the entry or object, with the event that made it necessary. */
export interface Outstanding extends Cause {
  id: string;
}

/** With the agent whose synchronisation left it. */
interface Left extends Outstanding {
  agent: string;
}

/** An entry became a connector, or is one no longer: whoever refers to it refers to an object now, or to none. */
export function linkChanged(unit: Unit, entry: Entry, cause: Cause): void {
  for (const id of referrersOf(unit, entry)) {
    unit.putOutstanding('referrer', id, cause);
    if (id !== entry.id && unit.entry(id)?.object !== undefined) unit.putOutstanding('entry', id, cause);
  }
}

/** The ids of the entries that refer to an entry. */
export function referrersOf(unit: Unit, entry: Entry): Set<string> {
  const keys = targetKeys(entry, expectedImage(entry), unit.context.configuration);
  return new Set(keys.flatMap((key) => unit.find('entry', 'refers', key)));
}

/** An object got, changed or lost its entry in a target: the objects that refer to it export something else now. */
export function targetChanged(unit: Unit, objectId: string, cause: Cause): void {
  for (const id of unit.find('object', 'refers', objectId)) unit.putOutstanding('object', id, cause);
}

/** What is outstanding of these agents, in the order of what made it necessary. */
export function outstandingOf(state: StateView, agents: readonly string[], task: Task): Left[] {
  return agents
    .flatMap((agent) =>
      state
        .find(KINDS.outstanding, 'of', outstandingIndex(agent, task))
        .map((key) => ({ ...(state.get(KINDS.outstanding, key) as Outstanding), agent })),
    )
    .sort((a, b) => a.event - b.event);
}

/** The agents that left something and that the configuration has no longer: nobody but another agent can do it. */
export function agentsGone(state: StateView, { agents }: Configuration): string[] {
  const left = state.keys(KINDS.outstanding).map((key) => keySchema.parse(JSON.parse(key))[0]);
  return [...new Set(left)].filter((agent) => !agents.has(agent));
}

const keySchema = z.tuple([z.string(), z.string(), z.string()]);

export const outstandingIndex = (agent: string, task: Task): string => JSON.stringify([agent, task]);
export const outstandingKey = (agent: string, task: Task, id: string): string => JSON.stringify([agent, task, id]);
export const outstandingValue = (id: string, cause: Cause): Outstanding => ({ id, ...causeIn(cause) });
