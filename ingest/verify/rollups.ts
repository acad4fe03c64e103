// Every materialised view over the events, made again from the events and compared both ways with what its table holds. What
// the known ones must hold is written here a second time: a view whose definition was altered would agree with itself.

import { randomBytes } from 'node:crypto';
import type { ClickHouseConnection } from './clickhouse-connection.ts';
import type { Findings } from './findings.ts';
import { quote, rangeOf } from './leaf-sql.ts';
import { expiredRowsSql, PLACE_OF_ROWS_SQL } from './rows-sql.ts';

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

/** A view that can be compared, with what was compared of it so far. */
interface Compared extends Rollup {
  columns: readonly string[];
  /** A sum over rows of their hashes, under a key made for this check: equal for the same rows only. */
  hash: string;
  rows: number;
}

export class Rollups {
  readonly #connection: ClickHouseConnection;
  readonly #findings: Findings;
  readonly #compared: readonly Compared[];

  private constructor(connection: ClickHouseConnection, findings: Findings, compared: readonly Compared[]) {
    this.#connection = connection;
    this.#findings = findings;
    this.#compared = compared;
  }

  /** Looks for all of them; what is missing and what cannot be compared goes into the findings. */
  static async find(connection: ClickHouseConnection, findings: Findings): Promise<Rollups> {
    const compared: Compared[] = [];
    for (const rollup of await listRollups(connection, findings)) {
      const columns = await readColumns(connection, rollup.target);
      if (columns.includes('sequence')) compared.push({ ...rollup, columns, hash: hashOf(columns), rows: 0 });
      else {
        const what = `The table ${rollup.target} has no column sequence, and this verifier does not know how to compare it.`;
        findings.add({ weight: 'unchecked', kind: 'rollup-unknown', count: 1, what });
      }
    }
    return new Rollups(connection, findings, compared);
  }

  /** Compares what the events from `first` to before `end` make of them; row by row only where the sums of hashes differ. */
  async compare(first: number, end: number): Promise<void> {
    const range = rangeOf(first, end);
    for (const each of this.#compared) {
      const { target, select, columns, hash } = each;
      const made = `(${select.replaceAll('{events}', `(SELECT * FROM events WHERE ${range})`)})`;
      const held = `(SELECT ${columns.join(', ')} FROM ${target} WHERE ${range})`;
      const [expected] = await this.#connection.rows(`SELECT count() AS rows, toString(${hash}) AS hash FROM ${made}`);
      const [actual] = await this.#connection.rows(`SELECT count() AS rows, toString(${hash}) AS hash FROM ${held}`);
      each.rows += Number(expected?.rows ?? 0);
      if (expected?.hash === actual?.hash && expected?.rows === actual?.rows) continue;
      await reportDifference(this.#connection, target, made, held, columns, this.#findings);
    }
  }

  /**
   * At the end: rows of events that are not in the log, and, with `expired`, of events before that one. Returns how many rows
   * each of them must hold.
   */
  async finish(expired: number | undefined): Promise<{ name: string; rows: number }[]> {
    for (const { target } of this.#compared) {
      await reportBeyond(this.#connection, target, this.#findings);
      if (expired !== undefined) await reportExpired(this.#connection, target, expired, this.#findings);
    }
    return this.#compared.map(({ target, rows }) => ({ name: target, rows }));
  }
}

function hashOf(columns: readonly string[]): string {
  const key = randomBytes(16);
  const names = columns.map((column) => `\`${column}\``).join(', ');
  return `sum(reinterpretAsUInt128(sipHash128Keyed((${key.readBigUInt64LE()}, ${key.readBigUInt64LE(8)}), ${names})))`;
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

async function reportBeyond(connection: ClickHouseConnection, target: string, findings: Findings): Promise<void> {
  const beyond = `SELECT count() AS rows, toString(min(sequence)) AS first FROM ${target}
WHERE sequence > (SELECT max(sequence) FROM events)`;
  const [later] = await connection.rows(beyond);
  if (!later || Number(later.rows) === 0) return;
  const what = `${target} holds ${later.rows} rows of events that are not in the log, from sequence ${later.first} on.`;
  findings.add({ weight: 'fault', kind: 'rollup', first: Number(later.first), count: Number(later.rows), what });
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
