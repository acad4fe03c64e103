// Every materialised view over the events, made again from the events and compared both ways with what its table holds. What
// the known ones must hold is written here a second time: a view whose definition was altered would agree with itself.

import { randomBytes } from 'node:crypto';
import type { ClickHouseConnection } from './clickhouse-connection.ts';
import type { Findings } from './findings.ts';
import { quote, rangeOf } from './leaf-sql.ts';
import { expiredRowsSql, PLACE_OF_ROWS_SQL } from './rows-sql.ts';

/** Events whose share of a view is compared in one statement. */
const PIECE_EVENTS = 1_048_576;
/** Rows that differ, of which the first sequence is told. */
const NO_ID = "toUUID('00000000-0000-0000-0000-000000000000')";

interface Rollup {
  view: string;
  target: string;
  /** What its table must hold; `{events}` stands for the events of a range. */
  select: string;
}

/**
 * Grants and revocations: values of attributes marked entitlement that took effect, in the stage they are of or that a baseline
 * event carries forward. An erased reference is held by an id made of the number of its key; other erased values are unknown.
 */
const ENTITLEMENT_CHANGES = `
SELECT if(stage_then IN ('import', 'export'), toString(agent), '') AS agent,
    multiIf(type != 'reference', object, is_erased, toUUID(concat('00000000-0000-8000-8000-', right(concat('000000000000', lower(hex(key))), 12))), reference) AS holder,
    if(type = 'reference', object, ${NO_ID}) AS entitlement,
    entry, attribute, change.1 AS value, toUInt8(change.2) AS granted, occurred_at, sequence, toUInt32(place) AS ordinal
FROM (
    SELECT stage_then, agent, object, entry, occurred_at, sequence, attribute, type, operation, reference, place, key, is_erased,
        if(type = 'reference' AND reference != ${NO_ID}, '', old) AS old_value,
        if(type = 'reference' AND reference != ${NO_ID}, '', new) AS new_value,
        new = 'true' AS is_true
    FROM (
        SELECT if(stage = 'baseline', toString(step_kind), toString(stage)) AS stage_then, toString(outcome) AS outcome, agent, object, entry, occurred_at, sequence,
            toString(v.1) AS attribute, toString(v.2) AS type, toString(v.3) AS operation, v.4 AS old, v.5 AS new,
            v.6 AS reference, v.7 AS marks, v.8 AS place, v.9 AS key,
            if(type = 'reference', v.10 != '', values_commitment != '') AS is_erased
        FROM {events} ARRAY JOIN arrayZip(value.attribute, value.type, value.operation, value.old, value.new,
            value.reference, value.marks, arrayEnumerate(value.marks), value.key, value.commitment) AS v)
    WHERE bitTest(marks, 0) AND NOT (is_erased AND type != 'reference') AND stage_then IN ('import', 'export', 'import-flow', 'recall', 'deletion', 'projection')
        AND outcome NOT IN ('export-intent', 'export-failure', 'skipped-not-precedent', 'stage-failure', 'flow-failure',
            'unresolved-reference', 'ambiguous-reference', 'reference-not-joined'))
ARRAY JOIN multiIf(
    type = 'boolean', [('true', operation != 'remove' AND is_true)],
    operation = 'add', [(new_value, 1)],
    operation = 'remove', [(old_value, 0)],
    [(old_value, 0), (new_value, 1)]) AS change`;
const KNOWN: readonly Rollup[] = [
  { view: 'entitlement_changes_view', target: 'entitlement_changes', select: ENTITLEMENT_CHANGES },
];

/** The events that views are compared over. */
interface Range {
  first: number;
  end: number;
  /** Nothing of events before the first one may be left. */
  isFirstAtEnd: boolean;
}

/** Compares all of them over a range of events, and returns how many rows each must hold. */
export async function compareRollups(
  connection: ClickHouseConnection,
  range: Range,
  findings: Findings,
): Promise<{ name: string; rows: number }[]> {
  const found: { name: string; rows: number }[] = [];
  for (const rollup of await listRollups(connection, findings)) {
    const columns = await readColumns(connection, rollup.target);
    if (!columns.includes('sequence')) {
      const what = `The table ${rollup.target} has no column sequence, and this verifier does not know how to compare it.`;
      findings.add({ weight: 'unchecked', kind: 'rollup-unknown', count: 1, what });
      continue;
    }
    found.push({ name: rollup.target, rows: await compareRollup(connection, rollup, columns, range, findings) });
  }
  return found;
}

async function listRollups(connection: ClickHouseConnection, findings: Findings): Promise<Rollup[]> {
  const [place] = await connection.rows(PLACE_OF_ROWS_SQL);
  const views = await connection.rows(
    `SELECT name, as_select, extract(create_table_query, ' TO (?:[^ ]*\\\\.)?\`?([A-Za-z0-9_]+)\`?') AS target FROM system.tables
WHERE database = ${quote(String(place?.rows_database))} AND engine = 'MaterializedView' ORDER BY name`,
  );
  for (const { view, target } of KNOWN) {
    if (views.some((each) => each.name === view && each.target === target)) continue;
    const what = `ClickHouse has no view ${view} that feeds ${target}: what happened since it is gone is missing there.`;
    findings.add({ weight: 'fault', kind: 'rollup-missing', count: 1, what });
  }
  const others = views
    .filter(({ name }) => !KNOWN.some(({ view }) => view === name))
    .map(({ name, as_select, target }) => ({
      view: String(name),
      target: String(target),
      select: String(as_select).replace(/\bFROM (?:`?\w+`?\.)?events\b/g, 'FROM {events}'),
    }));
  return [...KNOWN, ...others.filter(({ select }) => select.includes('{events}'))];
}

async function readColumns(connection: ClickHouseConnection, table: string): Promise<string[]> {
  const columns = await connection.rows(
    `SELECT name FROM system.columns WHERE database = currentDatabase() AND table = ${quote(table)} ORDER BY position`,
  );
  return columns.map(({ name }) => String(name));
}

/** Compares by a sum of hashes under a key made for this check, and row by row only where that differs. */
async function compareRollup(
  connection: ClickHouseConnection,
  { target, select }: Rollup,
  columns: readonly string[],
  whole: Range,
  findings: Findings,
): Promise<number> {
  const key = randomBytes(16);
  const hash = `sum(reinterpretAsUInt128(sipHash128Keyed((${key.readBigUInt64LE()}, ${key.readBigUInt64LE(8)}), ${columns.map((column) => `\`${column}\``).join(', ')})))`;
  let rows = 0;
  for (let { first } = whole; first < whole.end; first += PIECE_EVENTS) {
    const range = rangeOf(first, Math.min(first + PIECE_EVENTS, whole.end));
    const made = `(${select.replaceAll('{events}', `(SELECT * FROM events WHERE ${range})`)})`;
    const held = `(SELECT ${columns.join(', ')} FROM ${target} WHERE ${range})`;
    const [expected] = await connection.rows(`SELECT count() AS rows, toString(${hash}) AS hash FROM ${made}`);
    const [actual] = await connection.rows(`SELECT count() AS rows, toString(${hash}) AS hash FROM ${held}`);
    rows += Number(expected?.rows ?? 0);
    if (expected?.hash === actual?.hash && expected?.rows === actual?.rows) continue;
    await reportDifference(connection, target, made, held, columns, findings);
  }
  const beyond = `SELECT count() AS rows, toString(min(sequence)) AS first FROM ${target}
WHERE sequence > (SELECT max(sequence) FROM events)`;
  const [later] = await connection.rows(beyond);
  if (later && Number(later.rows) > 0)
    findings.add({
      weight: 'fault',
      kind: 'rollup',
      first: Number(later.first),
      count: Number(later.rows),
      what: `${target} holds ${later.rows} rows of events that are not in the log, from sequence ${later.first} on.`,
    });
  if (whole.isFirstAtEnd) await reportExpired(connection, target, whole.first, findings);
  return rows;
}

async function reportExpired(
  connection: ClickHouseConnection,
  target: string,
  first: number,
  findings: Findings,
): Promise<void> {
  const [left] = await connection.rows(expiredRowsSql(target, first));
  if (!left || Number(left.held) === 0) return;
  const what = `${target} holds ${left.held} rows of events that have expired, from sequence ${left.first} on.`;
  findings.add({ weight: 'fault', kind: 'rollup', first: Number(left.first), count: Number(left.held), what });
}

async function reportDifference(
  connection: ClickHouseConnection,
  target: string,
  made: string,
  held: string,
  columns: readonly string[],
  findings: Findings,
): Promise<void> {
  const list = columns.map((column) => `\`${column}\``).join(', ');
  const [difference] = await connection.rows(`SELECT min(sequence) AS first, sumIf(balance, balance > 0) AS missing,
    -sumIf(balance, balance < 0) AS surplus FROM (
        SELECT sequence, sum(side) AS balance FROM (
            SELECT ${list}, toInt64(1) AS side FROM ${made} UNION ALL SELECT ${list}, toInt64(-1) AS side FROM ${held})
        GROUP BY ${list} HAVING balance != 0)`);
  const first = Number(difference?.first ?? 0);
  const what = `${target} is not what the events make of it: ${difference?.missing} rows are missing there and ${difference?.surplus} are too many, the first of event ${first}.`;
  findings.add({
    weight: 'fault',
    kind: 'rollup',
    first,
    count: Number(difference?.missing) + Number(difference?.surplus),
    what,
  });
}
