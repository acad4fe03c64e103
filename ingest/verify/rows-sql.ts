// What else is asked of ClickHouse about a range of events.
import { rangeOf } from './leaf-sql.ts';

/** How many events of each step had each outcome. */
export function countsSql(first: number, end: number): string {
  return `SELECT run, step, concat(stage, '/', agent, '/', object_type, '/', outcome) AS name, count() AS count,
    min(sequence) AS event
FROM events WHERE ${rangeOf(first, end)} AND run_known = 1 AND step > 0 AND stage != 'run'
GROUP BY run, step, stage, agent, object_type, outcome ORDER BY run, step, name`;
}

/** For each key, the commitments that stand in place of what was committed under it. */
export function erasedSql(first: number, end: number): string {
  return `SELECT key, min(sequence) AS first, count() AS count FROM (
    SELECT sequence, arrayJoin(arrayConcat(
        if(object_commitment != '', [subject_key], []), if(actor_commitment != '', [actor_key], []),
        if(values_commitment != '', [subject_key], []),
        arrayFilter((k, given) -> given != '', value.key, value.commitment))) AS key
    FROM events WHERE ${rangeOf(first, end)})
GROUP BY key ORDER BY key`;
}

/** Sequences may be larger than a number here can be. */
export function beyondSql(size: number): string {
  return `SELECT count() AS held, toString(min(sequence)) AS first FROM events WHERE sequence >= ${size}`;
}

/** Rows before the first one that should be there. */
export function expiredRowsSql(table: string, first: number): string {
  return `SELECT count() AS held, toString(min(sequence)) AS first FROM ${table} WHERE sequence < ${first}`;
}

export function partitionsSql(): string {
  return `SELECT _partition_id AS partition, toString(min(sequence)) AS first, toString(max(sequence)) AS last
FROM events GROUP BY _partition_id ORDER BY partition`;
}

/** Where the rows are: the engine of the table that is asked, and, where that is Distributed, the database of the rows. */
export const PLACE_OF_ROWS_SQL = `SELECT engine,
    if(engine = 'Distributed', splitByString(char(39), engine_full)[4], currentDatabase()) AS rows_database
FROM system.tables WHERE database = currentDatabase() AND name = 'events'`;
