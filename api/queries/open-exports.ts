// Which exports are open: refused, handed out without a word of what became of them, carried out and not confirmed yet, or
// carried out and not found by the next import. Told of each entry as its last events say; an entry may be open in two ways (an
// export that is not confirmed, and a later one that was refused).
import { z } from 'zod';
import { parseInstant } from '../../ingest/clock.ts';
import type { ChangeEvent } from '../../ingest/event.ts';
import {
  describeGone,
  isOf,
  LARGEST_PAGE,
  NO_ID,
  type QueryContext,
  readAll,
  readOptions,
  readSequences,
} from './context.ts';

export const OPEN_STATES = ['failed', 'in-doubt', 'unconfirmed', 'not-reimported'] as const;
export type OpenState = (typeof OPEN_STATES)[number];

export interface OpenExport {
  state: OpenState;
  /** What says so last: the failure, the intent, the export or the confirmation. */
  event: ChangeEvent;
  /** When that state began: of the first failure, or the first export that no import has confirmed. */
  since: number;
  /** So many events of this kind since then. */
  times: number;
}

export interface OpenExportFilter {
  agent?: string | undefined;
  /** Any of these; undefined: all. */
  states?: readonly OpenState[] | undefined;
}

export interface OpenExportPage {
  exports: OpenExport[];
  hasMore: boolean;
  watermark: number;
  gone: string | undefined;
}

const INTENT = 'export-intent';
const FAILURE = 'export-failure';
const WITHDRAWN = 'pending-export-withdrawn';
const CONFIRMED = 'export-confirmed';
const NOT_REIMPORTED = 'exported-change-not-reimported';

const IS_EXPORT = `(stage IN ('export', 'confirmation') OR (stage = 'export-flow' AND outcome = '${WITHDRAWN}'))`;
/** What became of what was sent, and what an import said of what was carried out: each is told by its last event. */
const IS_SENDING = `outcome NOT IN ('${CONFIRMED}', '${NOT_REIMPORTED}')`;
const IS_KEPT = `outcome NOT IN ('${INTENT}', '${FAILURE}', '${WITHDRAWN}')`;

/** Each entry in each state that it is in, with the event that says so. */
function openSql({ agent }: OpenExportFilter): string {
  return `SELECT entry, system AS agent, pair.1 AS state, pair.2 AS sequence FROM
    (
      SELECT entry, argMax(agent, sequence) AS system,
             argMaxIf(outcome, sequence, ${IS_SENDING}) AS sent, maxIf(sequence, ${IS_SENDING}) AS sent_by,
             argMaxIf(outcome, sequence, ${IS_KEPT}) AS kept, maxIf(sequence, ${IS_KEPT}) AS kept_by,
             [(multiIf(sent = '${FAILURE}', 'failed', sent = '${INTENT}', 'in-doubt', ''), sent_by),
              (multiIf(kept = '${NOT_REIMPORTED}', 'not-reimported', kept NOT IN ('', '${CONFIRMED}'), 'unconfirmed', ''), kept_by)] AS states
      FROM events
      WHERE ${IS_EXPORT} AND entry != toUUID('${NO_ID}') AND sequence < {watermark:UInt64} ${agent === undefined ? '' : 'AND agent = {agent:String}'}
      GROUP BY entry
    ) ARRAY JOIN states AS pair WHERE pair.1 IN {states:Array(String)}`;
}

const paramsOf = ({ agent, states }: OpenExportFilter) => ({
  states: states ?? OPEN_STATES,
  ...(agent !== undefined && { agent }),
});

const openRow = z.object({ entry: z.string(), state: z.enum(OPEN_STATES), sequence: z.number() });

/** What is open, the newest first. A page and the next one are of one list as long as their watermark is the same. */
export async function findOpenExports(
  context: QueryContext,
  filter: OpenExportFilter,
  page: { first: number; before?: number | undefined },
): Promise<OpenExportPage> {
  const first = Math.max(1, Math.min(page.first, LARGEST_PAGE));
  const rows = await context.clickhouse.select(
    `SELECT entry, state, sequence FROM (${openSql(filter)}) WHERE sequence < {before:UInt64} ORDER BY sequence DESC LIMIT ${first + 1}`,
    { ...paramsOf(filter), watermark: context.watermark, before: page.before ?? context.watermark },
    openRow,
    readOptions(context, 30),
  );
  const shown = rows.slice(0, first);
  const [events, pasts] = await Promise.all([
    readSequences(
      context,
      shown.map(({ sequence }) => sequence),
    ),
    readPasts(
      context,
      shown.map(({ entry }) => entry),
    ),
  ]);
  const hasMore = rows.length > first;
  return {
    exports: shown.flatMap(({ entry, state, sequence }) => {
      const event = events.get(sequence);
      return event ? [{ state, event, ...beginningOf(state, event, pasts.get(entry) ?? []) }] : [];
    }),
    hasMore,
    watermark: context.watermark,
    gone: hasMore ? undefined : describeGone(context),
  };
}

const pastRow = z.object({ entry: z.string(), sequence: z.number(), outcome: z.string(), occurred_at: z.string() });
type Past = z.infer<typeof pastRow>;

/** All that was exported to these entries, in order. */
async function readPasts(context: QueryContext, entries: readonly string[]): Promise<Map<string, Past[]>> {
  if (entries.length === 0) return new Map();
  const rows = await readAll(
    context,
    `SELECT entry, sequence, outcome, occurred_at FROM events
     WHERE ${isOf('entry', '{entries:Array(UUID)}', IS_EXPORT)} AND ${IS_EXPORT} ORDER BY sequence`,
    { entries: [...new Set(entries)] },
    pastRow,
    { timeLimit: 30 },
  );
  return Map.groupBy(rows, ({ entry }) => entry);
}

/** Where the state began that an entry is in: after the last event that ended it. */
function beginningOf(state: OpenState, event: ChangeEvent, past: readonly Past[]): { since: number; times: number } {
  const until = past.filter(({ sequence }) => sequence <= event.sequence);
  const [isOfState, ends] = RULES[state];
  const ended = until.findLastIndex(({ outcome }) => ends(outcome));
  const its = until.slice(ended + 1).filter(({ outcome }) => isOfState(outcome));
  return { since: parseInstant(its[0]?.occurred_at ?? '') ?? event.occurredAt, times: Math.max(1, its.length) };
}

const isSent = (outcome: string) => ![INTENT, FAILURE, WITHDRAWN, CONFIRMED, NOT_REIMPORTED].includes(outcome);
const isWord = (outcome: string) => outcome === CONFIRMED || outcome === NOT_REIMPORTED;

/** Which events are of a state, and which end it. */
const RULES: Record<OpenState, [(outcome: string) => boolean, (outcome: string) => boolean]> = {
  failed: [(outcome) => outcome === FAILURE, (outcome) => isSent(outcome) || outcome === WITHDRAWN],
  'in-doubt': [
    (outcome) => outcome === INTENT,
    (outcome) => isSent(outcome) || outcome === FAILURE || outcome === WITHDRAWN,
  ],
  unconfirmed: [isSent, isWord],
  'not-reimported': [(outcome) => outcome === NOT_REIMPORTED, (outcome) => isSent(outcome) || outcome === CONFIRMED],
};

export interface OpenExportCount {
  agent: string;
  state: OpenState;
  count: number;
}

/** How many are open, by system and state; what is none is left out. */
export function countOpenExports(context: QueryContext, filter: OpenExportFilter): Promise<OpenExportCount[]> {
  return readAll(
    context,
    `SELECT agent, state, count() AS count FROM (${openSql(filter)}) GROUP BY agent, state ORDER BY agent, state`,
    paramsOf(filter),
    z.object({ agent: z.string(), state: z.enum(OPEN_STATES), count: z.number() }),
    { timeLimit: 30 },
  );
}
