// Entitlements through groups that are members of groups: who had one at an instant, directly and through others, and what
// somebody had, each with the shortest way there.
//
// The log is walked level by level, as wide as a level is and with one statement for it: the members of a group, the members of
// those, and so on; or the groups of a person, and the groups of those. Each object is looked at once in each system, so a
// circle of groups ends. A way stays within one system: that a group in one system is called like one in another gives nobody anything.
import {
  AnswerTooLargeError,
  asHeld,
  batchesOf,
  describeGone,
  MOST_ROWS,
  NO_ID,
  type QueryContext,
} from './context.ts';
import { describeHoldings, type EntitlementFilter, type HoldingRow, readHoldings } from './entitlements.ts';
import type { Holding, Reference, Watermark } from './results.ts';

/** More groups within one another than anybody administers; a directory that has them is answered in parts, never by half. */
const DEEPEST = 100;

/** An entitlement that somebody had, directly or through groups. */
export interface NestedHolding {
  holder: Reference;
  /** The group; undefined: the attribute itself is the entitlement (an enabled account, or what a group of theirs was given). */
  entitlement: Reference | undefined;
  agent: string;
  attribute: string;
  value: string;
  /** Their own membership is enough. */
  direct: boolean;
  /** The value is there, and is not told: `value` is empty. */
  withheld?: boolean;
  /**
   * Asked of an entitlement: how many memberships the holder has in it and in groups that have it; asked of a person: how often
   * the entitlement is given to them and to groups that they are in. All of them must go before it is gone.
   */
  ways: number;
  /** The shortest way, or one of them: the holder's own membership first, the entitlement last. */
  path: Holding[];
  /** Since when that way has been whole. */
  since: number;
}

export interface NestedAccess extends Watermark {
  at: number;
  holdings: NestedHolding[];
}

/** The direction of a walk: from an entitlement to those below it, or from a holder to what is above. */
interface Direction {
  side: 'entitlement' | 'holder';
  /** The end of a membership that the walk comes from. */
  from: (row: HoldingRow) => string;
  /** The end that it goes on from; NO_ID: it ends there. */
  to: (row: HoldingRow) => string;
}

const DOWN: Direction = { side: 'entitlement', from: ({ whose }) => whose, to: ({ named }) => named };
const UP: Direction = {
  side: 'holder',
  from: ({ by_reference, named, whose }) => (by_reference === 1 ? named : whose),
  // A value that is an entitlement itself is nothing that others can be members of.
  to: ({ by_reference, whose }) => (by_reference === 1 ? whose : NO_ID),
};

/** Who had an entitlement, each holder once in each system; the group itself, in a circle, is none of them. */
export async function findNestedHolders(
  context: QueryContext,
  at: number,
  entitlement: string,
  agent?: string,
): Promise<NestedAccess> {
  const held = asHeld(context, at);
  return answer(held, at, await walk(held, at, entitlement, agent, DOWN), {
    side: 'entitlement',
    start: entitlement,
    endOf: ({ holder, value }) => holder.id ?? `\n${value}`,
  });
}

/** What somebody had, each entitlement once in each system. */
export async function findNestedAccess(
  context: QueryContext,
  at: number,
  holder: string,
  agent?: string,
): Promise<NestedAccess> {
  const held = asHeld(context, at);
  return answer(held, at, await walk(held, at, holder, agent, UP), {
    side: 'holder',
    start: holder,
    endOf: ({ entitlement, attribute, value, entryName }) =>
      entitlement?.id ?? ['', attribute, value, entryName].join('\n'),
  });
}

/** A system and an object there. */
const nodeOf = (agent: string, id: string) => `${agent}\n${id}`;

interface Reached extends HoldingRow {
  /** Steps from the start: 1 for what is direct. */
  level: number;
}

/** All memberships that lead to or from the start, nearest first. */
async function walk(
  context: QueryContext,
  at: number,
  start: string,
  agent: string | undefined,
  { side, from, to }: Direction,
): Promise<Reached[]> {
  const reached: Reached[] = [];
  const seen = new Set<string>();
  let asked: string[] = [start];
  /** undefined: the start, in whichever system. */
  let frontier: ReadonlySet<string> | undefined;
  for (let level = 1; asked.length > 0; level++) {
    if (level > DEEPEST) throw new AnswerTooLargeError(DEEPEST, 'groups within one another');
    const next = new Map<string, string>();
    for (const ids of batchesOf(context, asked)) {
      for (const row of await readHoldings(context, at, { [side]: ids, agent })) {
        if (frontier && !frontier.has(nodeOf(row.agent, from(row)))) continue;
        if (reached.length >= MOST_ROWS) throw new AnswerTooLargeError(MOST_ROWS);
        reached.push({ ...row, level });
        seen.add(nodeOf(row.agent, from(row)));
        if (to(row) !== NO_ID && to(row) !== start) next.set(nodeOf(row.agent, to(row)), to(row));
      }
    }
    for (const node of next.keys()) if (seen.has(node)) next.delete(node);
    for (const node of next.keys()) seen.add(node);
    frontier = new Set(next.keys());
    asked = [...new Set(next.values())];
  }
  return reached;
}

interface Told {
  side: Direction['side'];
  start: string;
  /** What is told once: a holder, or an entitlement. */
  endOf: (holding: Holding) => string;
}

/** The memberships described, and each end told with the shortest way to it. */
async function answer(
  context: QueryContext,
  at: number,
  rows: readonly Reached[],
  { side, start, endOf }: Told,
): Promise<NestedAccess> {
  const filter: EntitlementFilter = { [side]: start };
  const steps = await describeHoldings(context, rows, filter);
  // By the object that a step comes to: the step that came there first is on a shortest way.
  const firstTo = new Map<string, Holding[]>();
  const found = new Map<string, NestedHolding>();
  for (const step of steps) {
    const [near, far] = side === 'entitlement' ? [step.entitlement, step.holder] : [step.holder, step.entitlement];
    if (far?.id !== undefined && (far.id === start || far.id === near?.id)) continue;
    const before = near?.id === start ? [] : (firstTo.get(nodeOf(step.agent, near?.id ?? '')) ?? []);
    const end = nodeOf(step.agent, endOf(step));
    const known = found.get(end);
    if (known) {
      known.ways += 1;
      continue;
    }
    const path = side === 'entitlement' ? [step, ...before] : [...before, step];
    if (far?.id !== undefined) firstTo.set(nodeOf(step.agent, far.id), path);
    found.set(end, nestedOf(path));
  }
  return {
    log: context.log,
    watermark: context.watermark,
    at,
    gone: describeGone(context, { from: at }),
    holdings: [...found.values()],
  };
}

function nestedOf(path: Holding[]): NestedHolding {
  const [own] = path;
  const last = path.at(-1);
  if (!own || !last) throw new Error('A way has one membership at least.');
  return {
    holder: own.holder,
    entitlement: last.entitlement,
    agent: last.agent,
    attribute: last.attribute,
    value: last.entitlement ? '' : last.value,
    ...(last.withheld && { withheld: true }),
    direct: path.length === 1,
    ways: 1,
    path,
    since: path.reduce((latest, { since }) => Math.max(latest, since), 0),
  };
}
