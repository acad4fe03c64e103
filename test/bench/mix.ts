// The mix of events that the log is measured with (mix.json says what it is made of): a cycle is a step of imports of thirty
// values, the flows and the exports of three values that they led to, and joins, later reads, of none. Every choice is a
// hash of the event's number, so each run measures the same events.
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { type Columns, type EventSource, NOBODY } from './rows-of-select.ts';

const mixSchema = z.strictObject({
  /** Events of one kind that follow each other, as a step of a run writes them. */
  steps_of: z.int().positive(),
  population: z.int().positive(),
  groups: z.int().positive(),
  groups_each: z.int().positive(),
  initiators: z.int().positive(),
  /** So many exports are of accounts for one that is of a group: three members, who come or go. */
  group_exports_one_in: z.int().positive(),
  /** All events happen in the year that begins here, evenly. */
  year: z.iso.date(),
  kinds: z
    .array(
      z.strictObject({
        stage: z.string(),
        outcome: z.string(),
        operation: z.string(),
        agent: z.string(),
        step_kind: z.string(),
        values: z.int(),
      }),
    )
    .length(4),
  attributes: z
    .array(
      z.strictObject({
        name: z.string(),
        word: z.string(),
        distinct: z.int().positive(),
        marks: z.int(),
        type: z.literal('reference').optional(),
      }),
    )
    .length(30),
});

export const MIX = mixSchema.parse(JSON.parse(readFileSync(new URL('./mix.json', import.meta.url), 'utf8')));
const { steps_of: STEP, population: POPULATION, groups: GROUPS, kinds: KINDS, attributes: ATTRIBUTES } = MIX;
const CYCLE = STEP * KINDS.length;

const list = (items: readonly (string | number)[]) =>
  `[${items.map((item) => (typeof item === 'number' ? item : `'${item}'`)).join(', ')}]`;
const byKind = (pick: (kind: (typeof KINDS)[number]) => string) => `${list(KINDS.map(pick))}[kind + 1]`;
/**
 * The id of the person, group or entry with a number; `what` keeps them apart. Of version 7, as the log's own are: a time in
 * milliseconds, one id every three of them, and 74 random bits.
 */
export const idOf = (what: string, number: string) =>
  `reinterpret(bitShiftLeft(toUInt128(bitShiftLeft(toUInt64(0x0192a0000000 + 3 * (${number})), 16) + 0x7000 + sipHash64('${what}', 'a', toUInt64(${number})) % 4096), 64)
    + bitOr(bitAnd(sipHash64('${what}', toUInt64(${number})), 0x3fffffffffffffff), 0x8000000000000000), 'UUID')`;
export const initiatorName = (number: number | string) => `user-${number}`;

/** Which change had set the old value, which is the one that was new then. */
const BEFORE = `cityHash64(order, i, 'set') % greatest(order, 1)`;
/** A value is that of its cycle, so that what was imported is what flows and is exported. */
const wordOf = (index: string, when: string) =>
  `concat(words[${index}], ' ', toString(cityHash64(${when}, ${index}) % distincts[${index}]))`;

/** `order` is the number of the event among those of its kind; events of one order belong to one change. */
const ROWS = `
  SELECT number AS n, toUInt8(intDiv(n, ${STEP}) % 4) AS kind, intDiv(n, ${CYCLE}) * ${STEP} + n % ${STEP} AS order,
    kind = 3 AND order < ${POPULATION * 3} AS is_join, kind = 3 AND NOT is_join AS is_read,
    kind = 2 AND cityHash64(order, 'group') % ${MIX.group_exports_one_in} = 0 AS is_group,
    if(is_join, order % ${POPULATION}, cityHash64(order, 'person') % ${POPULATION}) AS person,
    cityHash64(order, 'which group') % ${GROUPS} AS group_number,
    ${list(ATTRIBUTES.map(({ word }) => word))} AS words, ${list(ATTRIBUTES.map(({ distinct }) => distinct))} AS distincts,
    ${list(ATTRIBUTES.map(({ name }) => name))} AS names, ${list(ATTRIBUTES.map(({ marks }) => marks))} AS all_marks,
    multiIf(kind = 0, range(1, 31), kind = 3, CAST([], 'Array(UInt64)'),
      arrayMap(i -> cityHash64(order, 'attribute') % 28 + i, [1, 2, 3])) AS indexes,
    arrayMap(i -> ${list(ATTRIBUTES.map(({ type }) => (type ? 1 : 0)))}[i] = 1 OR is_group, indexes) AS refers,
    arrayMap((i, r) -> multiIf(is_group AND cityHash64(order, i, 'gone') % 3 = 0, 'remove', r OR (kind = 0 AND order < ${POPULATION}), 'add', 'replace'), indexes, refers) AS operations,
    arrayMap(i -> (group_number + ${GROUPS} - cityHash64(order, i) % ${MIX.groups_each}) % ${GROUPS} + ${GROUPS} * (cityHash64(order, i, 'member') % ${Math.max(1, Math.floor(POPULATION / GROUPS))}), indexes) AS members,
    if(is_join, ${list(['hr', 'directory', 'crm'])}[intDiv(order, ${POPULATION}) % 3 + 1], ${byKind(({ agent }) => agent)}) AS of_agent,
    toUnixTimestamp64Micro(toDateTime64('${MIX.year} 00:00:00', 6, 'UTC')) AS begin,
    toInt64(begin + n * intDiv(365 * 86400 * 1000000, {total:UInt64})) AS at
  FROM numbers({from:UInt64}, {to:UInt64} - {from:UInt64})`;

const ACCOUNT = `concat('P', leftPad(toString(person), 8, '0'))`;

const VALUES: Columns = {
  'value.attribute': "arrayMap(i -> if(is_group, 'member', names[i]), indexes)",
  'value.type': "arrayMap(r -> if(r, 'reference', 'string'), refers)",
  'value.operation': 'operations',
  'value.old': `arrayMap((i, o, m) -> multiIf(o = 'add', '', is_group, concat('P', toString(m)), ${wordOf('i', BEFORE)}), indexes, operations, members)`,
  'value.new': `arrayMap((i, o, m) -> multiIf(o = 'remove', '', is_group, concat('P', toString(m)), ${wordOf('i', 'order')}), indexes, operations, members)`,
  'value.reference': `arrayMap((i, r, m) -> multiIf(is_group, ${idOf('person', 'm')}, r, ${idOf('person', `cityHash64(order, i) % ${POPULATION}`)}, ${NOBODY}), indexes, refers, members)`,
  'value.marks': 'arrayMap(i -> if(is_group, 3, all_marks[i]), indexes)',
  'value.rule': "arrayMap(i -> if(kind = 1, concat('hr/employee/', names[i]), ''), indexes)",
  'value.set_by': `arrayMap((i, o) -> if(o = 'add' OR order = 0, 0, (${BEFORE} AS was) % ${STEP} + intDiv(was, ${STEP}) * ${CYCLE} + kind * ${STEP}), indexes, operations)`,
  'value.set_by_known': "arrayMap(o -> o != 'add' AND order > 0, operations)",
  'value.key': `arrayMap((i, r, m) -> if(r, m + 1, 0), indexes, refers, members)`,
};

const COLUMNS: Columns = {
  ...VALUES,
  sequence: 'n',
  recorded_at: "fromUnixTimestamp64Micro(begin + intDiv(at - begin, 1000000) * 1000000 + 1000000, 'UTC')",
  occurred_at: "fromUnixTimestamp64Micro(at, 'UTC')",
  stage: `if(is_read, 'read', ${byKind(({ stage }) => stage)})`,
  operation: byKind(({ operation }) => operation),
  outcome: `if(is_read, 'answered', ${byKind(({ outcome }) => outcome)})`,
  object: `if(is_group, ${idOf('group', 'group_number')}, ${idOf('person', 'person')})`,
  entry: `multiIf(is_read, ${NOBODY}, is_group, ${idOf('group entry', 'group_number')}, of_agent = 'hr', ${idOf('hr', 'person')}, of_agent = 'crm', ${idOf('crm', 'person')}, ${idOf('directory', 'person')})`,
  object_type: "if(is_group, 'group', 'person')",
  object_name: `multiIf(is_read OR kind = 0, '', is_group, concat('Group ', toString(group_number)), concat('Name of ', ${ACCOUNT}))`,
  agent: "if(is_read, '', of_agent)",
  anchor: `multiIf(is_read, '', is_group, concat('Group ', toString(group_number)), ${ACCOUNT})`,
  dn: `multiIf(kind != 2, '', is_group, concat('cn=Group ', toString(group_number), ',ou=groups,dc=example,dc=test'), concat('uid=', ${ACCOUNT}, ',ou=people,dc=example,dc=test'))`,
  initiator: `concat('${initiatorName('')}', toString(cityHash64(order, 'who') % ${MIX.initiators}))`,
  performer: "'metatrail'",
  causes: `if(kind IN (1, 2), [n - ${STEP}], [])`,
  root: `if(kind IN (1, 2), n - kind * ${STEP}, n)`,
  run: `intDiv(n, ${CYCLE}) * ${CYCLE}`,
  run_known: 'if(is_read, 0, 1)',
  configuration_known: '1',
  step: 'if(is_read, 0, kind + 1)',
  step_kind: `if(is_read, '', ${byKind(({ step_kind }) => step_kind)})`,
  subject_key: 'if(is_read, 0, person + 1)',
  actor_key: `cityHash64(order, 'who') % ${MIX.initiators} + 1000001`,
};

export const MIXED_EVENTS: EventSource = { columns: COLUMNS, rows: ROWS };

/** The flows and exports of the mix alone, all of three values, numbered anew. */
export const EVENTS_OF_THREE: EventSource = {
  columns: {
    ...COLUMNS,
    // A cycle is a step of flows and one of exports.
    sequence: 'm',
    causes: `if(kind = 2, [m - ${STEP}], [])`,
    root: `if(kind = 2, m - ${STEP}, m)`,
    run: `intDiv(m, ${2 * STEP}) * ${2 * STEP}`,
    'value.set_by': `arrayMap((i, o) -> if(o = 'add' OR order = 0, 0, (${BEFORE} AS was) % ${STEP} + intDiv(was, ${STEP}) * ${2 * STEP} + (kind - 1) * ${STEP}), indexes, operations)`,
  },
  rows: ROWS.replace(
    'SELECT number AS n,',
    `SELECT number AS m, intDiv(m, ${2 * STEP}) * ${CYCLE} + m % ${2 * STEP} + ${STEP} AS n,`,
  ).replace('{total:UInt64})) AS at', '({total:UInt64} * 2))) AS at'),
};
