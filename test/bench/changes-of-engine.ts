// Many identity changes, each of the events that the engine wrote for one (engine-change.ts), in the order in which a cycle
// of a hundred people writes them. The events of the runs themselves are shared by a cycle and left out.

import { INSERTED_COLUMNS, toRow } from '../../ingest/clickhouse/rows.ts';
import type { ChangeEvent } from '../../ingest/event.ts';
import { ANCHOR } from './engine-change.ts';
import { idOf, initiatorName, MIX } from './mix.ts';
import type { Columns, EventSource } from './rows-of-select.ts';

/** People in one cycle. */
const CYCLE = 100;
/** What the engine writes for one person, in its order. */
const STAGES = 'import import-flow export-flow export-flow export export confirmation export export confirmation'.split(
  ' ',
);
export const EVENTS_OF_CHANGE = STAGES.length;
const WHOLE = CYCLE * EVENTS_OF_CHANGE;
/** The words of the three values that change, as in the mix. */
const WORDS = [0, 1, 2]
  .map((index) => MIX.attributes[index])
  .map((attribute) => ({ word: attribute?.word ?? '', distinct: attribute?.distinct ?? 1 }));

const wordOf = (ordinal: string, when: string) =>
  `concat([${WORDS.map(({ word }) => `'${word}'`)}][${ordinal}], ' ', toString(cityHash64(change, ${ordinal}, '${when}') % [${WORDS.map(({ distinct }) => distinct)}][${ordinal}]))`;
const PERSON = `cityHash64(change, 'person') % ${MIX.population}`;
const INITIATOR = `cityHash64(change, 'who') % ${MIX.initiators}`;

/** Where the event of a change stands: all imports of the cycle, all flows person by person, then step by step. */
const sequenceOf = (cycle: string, place: string, within: string) =>
  `(${cycle}) * ${WHOLE} + if(${place} IN (1, 2, 3), ${CYCLE} + 3 * (${within}) + ${place} - 1, ${place} * ${CYCLE} + (${within}))`;

const ROWS = (total: string) => `
  SELECT number AS n, intDiv(n, ${WHOLE}) AS cycle, n % ${WHOLE} AS local,
    multiIf(local < ${CYCLE}, 0, local < ${4 * CYCLE}, 1 + (local - ${CYCLE}) % 3, intDiv(local, ${CYCLE})) AS place,
    multiIf(local < ${CYCLE}, local, local < ${4 * CYCLE}, intDiv(local - ${CYCLE}, 3), local % ${CYCLE}) AS within,
    cycle * ${CYCLE} + within AS change, ${PERSON} AS person, ${INITIATOR} AS who,
    concat('P', leftPad(toString(person), 8, '0')) AS account,
    if(cycle = 0, 0, cityHash64(change, 'before') % (cycle * ${CYCLE})) AS before,
    toUnixTimestamp64Micro(toDateTime64('${MIX.year} 00:00:00', 6, 'UTC')) AS begin,
    toInt64(begin + n * intDiv(365 * 86400 * 1000000, ${total})) AS at
  FROM numbers({from:UInt64}, {to:UInt64} - {from:UInt64})`;

/** Throws Error when the engine wrote other events than this was made for. */
export function changesLike(recorded: readonly ChangeEvent[]): EventSource {
  const events = recorded.filter(({ stage, anchor }) => stage !== 'run' && anchor === ANCHOR);
  const stages = events.map(({ stage }) => stage);
  if (stages.join() !== STAGES.join()) throw new Error(`The engine wrote ${stages.join(', ')} for one change.`);
  const rows = events.map((event) => new Map<string, unknown>(Object.entries(toRow(event))));
  const columns: Columns = {};
  for (const column of INSERTED_COLUMNS) {
    const each = rows.map((row) => row.get(column));
    if (each.some((value) => value !== undefined)) columns[column] = expressionOf(each);
  }
  const values = rows.some((row) => row.get('value.attribute') !== undefined);
  if (!values) throw new Error('The engine wrote no values.');
  return { columns: { ...columns, ...replaced(events) }, rows: ROWS('{total:UInt64}') };
}

/** The constant of each place. */
function expressionOf(each: readonly unknown[]): string {
  const some = each.find((value) => value !== undefined);
  const absent = Array.isArray(some) ? '[]' : typeof some === 'number' ? '0' : "''";
  const text = (value: unknown): string => {
    if (Array.isArray(value)) return `[${value.map(text).join(', ')}]`;
    if (typeof value === 'number') return String(value);
    return value === undefined ? absent : `'${String(value)}'`;
  };
  const list = `[${each.map(text).join(', ')}][place + 1]`;
  return typeof some === 'string' && some.includes(ANCHOR) ? `replaceAll(${list}, '${ANCHOR}', account)` : list;
}

/** What differs from change to change. */
function replaced(events: readonly ChangeEvent[]): Columns {
  const placeOf = new Map(events.map(({ sequence }, place) => [sequence, place]));
  const principals = events.map(({ causes }) => placeOf.get(causes[0] ?? -1) ?? -1);
  const counts = `[${events.map(({ values }) => values.length)}][place + 1]`;
  // The value was set by what stands at the same place of an earlier change; what was exported, by its flow.
  const setters = `[0, 1, 2, 3, 2, 2, 2, 3, 3, 3][place + 1]`;
  return {
    sequence: 'n',
    log: "'metatrail/bench'",
    recorded_at: "fromUnixTimestamp64Micro(begin + intDiv(at - begin, 1000000) * 1000000 + 1000000, 'UTC')",
    occurred_at: "fromUnixTimestamp64Micro(at, 'UTC')",
    object: idOf('person', 'person'),
    entry: `multiIf(place < 2, ${idOf('hr', 'person')}, place IN (2, 4, 5, 6), ${idOf('corporate', 'person')}, ${idOf('branch', 'person')})`,
    object_name: "if(place IN (0, 6, 9), '', concat('Name of ', account))",
    'value.old': `arrayMap(i -> ${wordOf('i', 'old')}, range(1, ${counts} + 1))`,
    'value.new': `arrayMap(i -> ${wordOf('i', 'new')}, range(1, ${counts} + 1))`,
    'value.set_by': `arrayMap(i -> if(cycle = 0, 0, ${sequenceOf(`intDiv(before, ${CYCLE})`, setters, `before % ${CYCLE}`)}), range(1, ${counts} + 1))`,
    'value.set_by_known': `arrayMap(i -> cycle > 0, range(1, ${counts} + 1))`,
    'value.reference': `arrayMap(i -> toUUID('00000000-0000-0000-0000-000000000000'), range(1, ${counts} + 1))`,
    initiator: `if(place IN (6, 9), 'metatrail', concat('${initiatorName('')}', toString(who)))`,
    causes: `if(place = 0, [], [${sequenceOf('cycle', `[${principals}][place + 1]`, 'within')}])`,
    root: sequenceOf('cycle', '0', 'within'),
    run: `cycle * ${WHOLE}`,
    subject_key: 'person + 1',
    actor_key: 'if(place IN (6, 9), 1000000, who + 1000001)',
  };
}

/** The changes that the events from 0 to `total` are of, as lines for the table `change` of postgres-audit.sql. */
export function changeLines(): string {
  return `SELECT concat(toString(change), '\\t', toString(fromUnixTimestamp64Micro(at, 'UTC')), '+00\\t', toString(${idOf('person', 'person')}), '\\tName of ', account, '\\t',
      toString(${idOf('initiator', 'who')}), '\\t${initiatorName('')}', toString(who),
      '\\t{"', arrayStringConcat(arrayMap(i -> ${wordOf('i', 'old')}, [1, 2, 3]), '","'), '"}\\t{"', arrayStringConcat(arrayMap(i -> ${wordOf('i', 'new')}, [1, 2, 3]), '","'), '"}') AS line
    FROM (${ROWS('{total:UInt64}')}) WHERE place = 0 ORDER BY change`;
}
