// The five questions as the service asks them, by the functions of api/queries, over a log that ClickHouse filled from the
// mix itself: each with another parameter every time, one after the other, after a few to warm up.

import { z } from 'zod';
import { findChanges } from '../../api/queries/changes.ts';
import type { QueryContext } from '../../api/queries/context.ts';
import { findHoldings } from '../../api/queries/entitlements.ts';
import { findHistory } from '../../api/queries/history.ts';
import { countChangesByDay } from '../../api/queries/overview.ts';
import { SeededRandom } from '../../engine/demonstration/seeded-random.ts';
import type { ClickHouse } from '../../ingest/clickhouse/connect.ts';
import { HASH_BYTES } from '../../ingest/merkle/tree.ts';
import { WHOLE_SIGHT } from '../whole-sight.ts';
import { measured, type Report, secondsOf } from './measurement.ts';
import { initiatorName, MIX, MIXED_EVENTS } from './mix.ts';
import { withClickHouse } from './places.ts';
import { comeToRest, fillEvents } from './rows-of-select.ts';
import type { Sizes } from './sections.ts';
import { bytesHeld } from './sizes.ts';

const SEED = 20;
const PAGE = 100;
const WARM_UP = 3;
const QUICK_CALLS = 50;
const SLOW_CALLS = 10;
/** People and values that are asked about. */
const SAMPLE = 200;
const DAY = 86_400_000_000;
const YEAR = Date.parse(`${MIX.year}T00:00:00Z`) * 1000;

/** How many rows the answer has. */
type Ask = () => Promise<number>;

export interface Question {
  name: string;
  /** Milliseconds at the median. */
  most: number;
  calls: number;
  ask: Ask;
  /** The answer is that there is nothing; else no call that is answered with anything is an error. */
  isOfNothing?: true;
}

export function measureQuestions(report: Report, { events }: Sizes): Promise<void> {
  return measureMix(report, events);
}

/** The questions over so many events, and the bytes that each event of the mix takes. */
export async function measureMix(report: Report, events: number): Promise<void> {
  const section = 'queries';
  await withClickHouse(async (clickhouse) => {
    await fillEvents(clickhouse, MIXED_EVENTS, events);
    await comeToRest(clickhouse);
    const note = `${events} events of the mix, filled by INSERT … SELECT, merged by themselves, no merge at work`;
    for (const question of await questionsOf(clickhouse, events)) await askAll(report, section, question, note);
    const each = (await bytesHeld(clickhouse)) / events + HASH_BYTES;
    report(measured({ section, name: 'bytes of an event of the mix, tiles included', unit: 'bytes', note }, [each]));
  });
}

/** Milliseconds of each call. Throws Error when no call was answered with anything, or one of nothing with something. */
export async function askAll(report: Report, section: string, question: Question, note: string): Promise<number[]> {
  const { name, most, calls, ask, isOfNothing = false } = question;
  for (let call = 0; call < WARM_UP; call++) await ask();
  const times: number[] = [];
  let rows = 0;
  for (let call = 0; call < calls; call++)
    times.push(
      (await secondsOf(async () => {
        rows += await ask();
      })) * 1000,
    );
  if ((rows === 0) !== isOfNothing) throw new Error(`${section}, ${name}: ${rows} rows in all.`);
  const target = { value: most, must: 'at-most' } as const;
  report(
    measured({ section, name, unit: 'ms', target, note: `${note}; ${Math.round(rows / calls)} rows an answer` }, times),
  );
  return times;
}

export async function questionsOf(clickhouse: ClickHouse, events: number): Promise<Question[]> {
  const context: QueryContext = { clickhouse, log: 'metatrail/bench', watermark: events, sight: WHOLE_SIGHT };
  const random = new SeededRandom(SEED);
  const title = MIX.attributes[0]?.name ?? '';
  const people = await sampleOf(clickhouse, 'object', "object_type = 'person'");
  const titles = await sampleOf(
    clickhouse,
    'value.new[1]',
    `stage = 'import-flow' AND value.attribute[1] = '${title}'`,
  );
  const initiator = () => initiatorName(random.between(0, MIX.initiators - 1));
  const count = ({ events: found }: { events: unknown[] }) => found.length;
  return [
    {
      name: "an object's last 100 events",
      most: 30,
      calls: QUICK_CALLS,
      ask: async () => count(await findHistory(context, random.pick(people), {}, { first: PAGE })),
    },
    {
      name: 'a page by initiator',
      most: 30,
      calls: QUICK_CALLS,
      ask: async () => count(await findChanges(context, { initiator: initiator() }, { first: PAGE })),
    },
    {
      name: 'who set an attribute to a value',
      most: 60,
      calls: QUICK_CALLS,
      ask: async () =>
        count(await findChanges(context, { attribute: title, value: random.pick(titles) }, { first: PAGE })),
    },
    {
      name: "the whole population's entitlements at an instant",
      most: 1000,
      calls: SLOW_CALLS,
      ask: async () => (await findHoldings(context, YEAR + random.between(180, 364) * DAY, {})).holdings.length,
    },
    {
      name: 'changes a day and stage over a year',
      most: 300,
      calls: SLOW_CALLS,
      ask: async () => (await countChangesByDay(context, { from: YEAR, to: YEAR + 365 * DAY - 1 })).length,
    },
  ];
}

/** Asked of somebody who is in nobody's records: an index says so at once. */
export function questionOfNothing(clickhouse: ClickHouse, events: number): Question {
  const context: QueryContext = { clickhouse, log: 'metatrail/bench', watermark: events, sight: WHOLE_SIGHT };
  const filter = { initiator: initiatorName(MIX.initiators) };
  return {
    name: 'a page by an initiator who did nothing',
    most: 30,
    calls: QUICK_CALLS,
    ask: async () => (await findChanges(context, filter, { first: PAGE })).events.length,
    isOfNothing: true,
  };
}

/** Of what is there, so that answers have rows however small the log is; the same for the same log. */
async function sampleOf(clickhouse: ClickHouse, what: string, condition: string): Promise<string[]> {
  const rows = await clickhouse.select(
    `SELECT DISTINCT ${what} AS text FROM events WHERE ${condition} ORDER BY cityHash64(text) LIMIT ${SAMPLE}`,
    {},
    z.object({ text: z.string() }),
    { timeLimit: 60 },
  );
  return rows.map(({ text }) => text);
}
