// What bounds the questions: how long each kind of statement of one takes, and what a page of whole events costs by how many
// columns are read and how far its events lie apart.
import { z } from 'zod';
import type { ClickHouse } from '../../ingest/clickhouse/connect.ts';
import { EVENT_COLUMNS, SELECTED_COLUMNS } from '../../ingest/clickhouse/rows.ts';
import { measured, type Report, secondsOf } from './measurement.ts';
import { MIXED_EVENTS } from './mix.ts';
import { withClickHouse } from './places.ts';
import { type Question, questionsOf } from './questions.ts';
import { comeToRest, fillEvents } from './rows-of-select.ts';
import type { Sizes } from './sections.ts';

const section = 'profile';
const WARM_UP = 3;
const CALLS = 15;
const PAGE = 100;
/** A prime: sequences that are a multiple of it apart lie in other places each time. */
const STEP = 7919;

/** What a statement is for, by what only it says; the first that fits. */
const KINDS: readonly (readonly [string, string])[] = [
  [SELECTED_COLUMNS, 'reading whole events'],
  ['arrayDistinct(arrayZip(', 'how each was granted'],
  ['argMaxIf(object_name', 'what objects are called'],
  ['FROM entitlement_changes', 'the fold over grants'],
];
const OTHERS = 'finding which events';

const NESTED = EVENT_COLUMNS.filter((column) => column.startsWith('value.'));
const READ: Readonly<Record<string, string>> = {
  'one column': 'sequence',
  [`the ${NESTED.length} columns of values`]: columnsOf(true),
  [`the other ${EVENT_COLUMNS.length - NESTED.length} columns`]: columnsOf(false),
  [`all ${EVENT_COLUMNS.length} columns`]: SELECTED_COLUMNS,
};

/** Commitments are bytes and no text. */
function columnsOf(nested: boolean): string {
  return EVENT_COLUMNS.filter((column) => column.startsWith('value.') === nested)
    .map((column) => (column.endsWith('commitment') ? `length(\`${column}\`)` : `\`${column}\``))
    .join(', ');
}

export async function measureProfile(report: Report, { events }: Sizes): Promise<void> {
  await withClickHouse(async (clickhouse) => {
    await fillEvents(clickhouse, MIXED_EVENTS, events);
    await comeToRest(clickhouse);
    const timed = new TimedStatements(clickhouse);
    for (const question of await questionsOf(timed.clickhouse, events)) await profile(report, timed, question, events);
    for (const [what, columns] of Object.entries(READ)) {
      const apart = (call: number) => spread(events, call);
      await measurePage(report, clickhouse, `${PAGE} events apart, ${what}`, columns, apart);
    }
    const together = (call: number) => spread(events, call).map((_, i, [first = 0]) => (first + i) % events);
    await measurePage(report, clickhouse, `${PAGE} events in a row, all columns`, SELECTED_COLUMNS, together);
  });
}

/** Milliseconds of the statements of each kind that one asking takes, and of everything. */
async function profile(report: Report, timed: TimedStatements, { name, ask }: Question, events: number): Promise<void> {
  const byKind = new Map<string, number[]>();
  for (let call = 0; call < WARM_UP + CALLS; call++) {
    timed.reset();
    const all = (await secondsOf(ask)) * 1000;
    if (call < WARM_UP) continue;
    for (const [kind, ms] of [...timed.spent, ['all of it', all] as const])
      byKind.set(kind, [...(byKind.get(kind) ?? []), ms]);
  }
  for (const [kind, times] of byKind)
    report(measured({ section, name: `${name}: ${kind}`, unit: 'ms', note: `${events} events` }, times));
}

/** The same ClickHouse, which notes how long its statements take. Those at work at the same time count once each. */
class TimedStatements {
  readonly spent = new Map<string, number>();
  readonly clickhouse: ClickHouse;

  constructor(clickhouse: ClickHouse) {
    this.clickhouse = {
      ...clickhouse,
      select: async (sql, params, schema, options) => {
        const began = performance.now();
        const rows = await clickhouse.select(sql, params, schema, options);
        const kind = KINDS.find(([sign]) => sql.includes(sign))?.[1] ?? OTHERS;
        this.spent.set(kind, (this.spent.get(kind) ?? 0) + performance.now() - began);
        return rows;
      },
    };
  }

  reset(): void {
    this.spent.clear();
  }
}

/** So many sequences, evenly apart, other ones each time. */
function spread(events: number, call: number): number[] {
  const apart = Math.max(1, Math.floor(events / PAGE));
  return Array.from({ length: Math.min(PAGE, events) }, (_, i) => (i * apart + call * STEP) % events);
}

async function measurePage(
  report: Report,
  clickhouse: ClickHouse,
  name: string,
  columns: string,
  sequencesOf: (call: number) => number[],
): Promise<void> {
  const times: number[] = [];
  const sql = `SELECT ${columns} FROM events WHERE sequence IN {sequences:Array(UInt64)}`;
  for (let call = 0; call < WARM_UP + CALLS; call++) {
    const sequences = sequencesOf(call);
    const seconds = await secondsOf(() => clickhouse.select(sql, { sequences }, z.looseObject({})));
    if (call >= WARM_UP) times.push(seconds * 1000);
  }
  report(measured({ section, name, unit: 'ms' }, times));
}
