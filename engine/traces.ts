// What the engine's state still has of a person: whether they exist, which systems hold them, what else names them.
import type { Journal } from '../ingest/journal/journal.ts';
import type { StateChange } from '../ingest/journal/messages.ts';
import { type Entry, KINDS } from './space.ts';

export interface Traces {
  /** The objects that still exist. */
  living: string[];
  /** The agents whose entries are, or were last, theirs and are still there. */
  agents: string[];
  /** What only remembers who is gone, to be removed. */
  removals: StateChange[];
  /** Agents whose other entries name them, with how many do: what these systems hold, the next import reads again. */
  namedBy: { agent: string; entries: number }[];
}

export interface Person {
  objects: readonly string[];
  entries: readonly string[];
  /** Texts that are theirs and nobody else's. */
  names: ReadonlySet<string>;
}

/** Reads the whole state once. */
export function findTraces(journal: Journal, { objects, entries, names }: Person): Traces {
  const { state } = journal;
  const agents = new Set<string>();
  const namedBy = new Map<string, number>();
  for (const key of state.keys(KINDS.entry)) {
    const entry = state.get(KINDS.entry, key) as Entry;
    if (entries.includes(entry.id) || objects.includes(entry.object ?? entry.lastObject ?? '')) agents.add(entry.agent);
    else if (namesAny(entry, names)) namedBy.set(entry.agent, (namedBy.get(entry.agent) ?? 0) + 1);
  }
  const removals = state
    .keys(KINDS.former)
    .filter((key) => objects.includes(String(state.get(KINDS.former, key))))
    .map((key) => ({ kind: KINDS.former, key, value: null }));
  return {
    living: objects.filter((id) => state.get(KINDS.object, id) !== undefined),
    agents: [...agents].sort(),
    removals,
    namedBy: [...namedBy].sort().map(([agent, count]) => ({ agent, entries: count })),
  };
}

/** Whether some text in a value is one of these; keys of records may be JSON themselves. */
function namesAny(value: unknown, names: ReadonlySet<string>): boolean {
  if (typeof value === 'string') return names.has(value);
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some((item) => namesAny(item, names));
  return Object.entries(value).some(
    ([key, item]) => namesAny(item, names) || (key.startsWith('[') && namesAny(JSON.parse(key), names)),
  );
}
