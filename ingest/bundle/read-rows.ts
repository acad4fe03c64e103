// Rows for a bundle, from ClickHouse.
import type { ClickHouse } from '../clickhouse/connect.ts';
import { rowSchema, SELECTED_COLUMNS } from '../clickhouse/rows.ts';
import type { RowReader } from './export-bundle.ts';

/** Seconds for a page: 8,192 rows, some of which may be large. */
const TIME_LIMIT = 60;

/** Commitments are bytes, which JSON cannot hold: they are read in hexadecimal digits. */
export function readRowsFrom(clickhouse: Pick<ClickHouse, 'select'>, signal?: AbortSignal): RowReader {
  return (first, end) =>
    clickhouse.select(
      `SELECT ${SELECTED_COLUMNS} FROM events WHERE sequence >= {first:UInt64} AND sequence < {end:UInt64} ORDER BY sequence LIMIT {limit:UInt64}`,
      { first, end, limit: end - first + 1 },
      rowSchema,
      { timeLimit: TIME_LIMIT, signal },
    );
}
