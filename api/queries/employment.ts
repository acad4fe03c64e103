// Who came and who went: the times in which a person had a connector in a system that makes people (one that projects
// them). Somebody is a joiner when the first such connector comes, a leaver when the last one goes, re-hired when one
// comes again.
import { z } from 'zod';
import { parseInstant } from '../../ingest/clock.ts';
import { NO_ID, type QueryContext, readAll, STAGE } from './context.ts';

/** What the configuration says of people, for questions about them. */
export interface PeopleRules {
  /** Agents that make people. */
  agents: readonly string[];
  /** Metaverse types that are people. */
  types: readonly string[];
  /** Metaverse attributes that hold a person's last day. */
  leavingDateAttributes: readonly string[];
}

export interface Employment {
  object: string;
  name: string | undefined;
  /** The system that made the person, or that they came to first. */
  agent: string;
  /** The anchor in the system that made the person, as it was when they came. */
  anchor: string | undefined;
  joinedAt: number;
  joinedBy: number;
  /** The run in which they came; undefined: of their coming only is known what was carried forward when events expired. */
  joinedIn: number | undefined;
  /** Not the first time. */
  rehired: boolean;
  /** The deleted object that this person was before. */
  predecessor: string | undefined;
  leftAt: number | undefined;
  leftBy: number | undefined;
}

/** Comings and goings of all people ever. */
const MOST_LINKS = 2_000_000;

const linkRow = z.object({
  object: z.string(),
  agent: z.string(),
  anchor: z.string(),
  entry: z.string(),
  linked: z.number(),
  run: z.number(),
  run_known: z.number(),
  name: z.string(),
  occurred_at: z.string(),
  sequence: z.number(),
  predecessor: z.string(),
});

/** When people were linked to and unlinked from the systems that make them; a report prints it. */
export const EMPLOYMENT_SQL = `SELECT object, agent, anchor, entry, ${STAGE} IN ('join', 'projection') AS linked, run, run_known, object_name AS name, occurred_at, sequence,
            if(${STAGE} = 'projection', value.reference[indexOf(value.attribute, 'predecessor')], toUUID('${NO_ID}')) AS predecessor
     FROM events
     WHERE agent IN {agents:Array(String)} AND sequence < {watermark:UInt64}
       AND ((${STAGE} = 'projection' AND outcome = 'disconnector-projected') OR (${STAGE} = 'join' AND outcome = 'disconnector-joined')
         OR outcome IN ('connector-delete-leave-mv', 'connector-delete-remove-mv'))
       AND object IN (SELECT object FROM events WHERE ${STAGE} = 'import-flow' AND object_type IN {types:Array(String)} AND sequence < {watermark:UInt64})
     ORDER BY occurred_at, sequence`;

/** All employments, in the order in which they began. Objects that are no people are left out. */
export async function findEmployments(context: QueryContext, rules: PeopleRules): Promise<Employment[]> {
  const params = { agents: rules.agents, types: rules.types };
  const rows = await readAll(context, EMPLOYMENT_SQL, params, linkRow, { most: MOST_LINKS, timeLimit: 30 });
  return foldLinks(rows);
}

export function foldLinks(rows: readonly z.infer<typeof linkRow>[]): Employment[] {
  const linked = new Map<string, Set<string>>();
  const latest = new Map<string, Employment>();
  const employments: Employment[] = [];
  for (const row of rows) {
    const entries = linked.get(row.object) ?? new Set<string>();
    linked.set(row.object, entries);
    const at = parseInstant(row.occurred_at) ?? 0;
    const current = latest.get(row.object);
    if (current && row.name !== '') current.name = row.name;
    if (row.linked === 1) {
      if (entries.size === 0) {
        const begun: Employment = {
          object: row.object,
          name: row.name || current?.name,
          agent: row.agent,
          anchor: row.anchor || undefined,
          joinedAt: at,
          joinedBy: row.sequence,
          joinedIn: row.run_known === 1 ? row.run : undefined,
          rehired: current !== undefined || latest.has(row.predecessor),
          predecessor: row.predecessor === NO_ID ? undefined : row.predecessor,
          leftAt: undefined,
          leftBy: undefined,
        };
        latest.set(row.object, begun);
        employments.push(begun);
      }
      entries.add(row.entry);
    } else if (entries.delete(row.entry) && entries.size === 0 && current) {
      current.leftAt = at;
      current.leftBy = row.sequence;
    }
  }
  return employments;
}

/**
 * Who joined, re-hires among them. Who came in the run in which a system was first read was there before, and when they came is not known
 * of those who were carried forward: no joiners. `employments`: all of them, in order.
 */
export function joinersAmong(employments: readonly Employment[]): Employment[] {
  // The run in which each system was first read: the first of them, for employments are in the order in which they began.
  const firstLoads = new Map<string, number | undefined>();
  for (const { agent, joinedIn } of employments) if (!firstLoads.has(agent)) firstLoads.set(agent, joinedIn);
  return employments.filter(({ agent, joinedIn }) => joinedIn !== undefined && joinedIn !== firstLoads.get(agent));
}
