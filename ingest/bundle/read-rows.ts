// Rows for a bundle, straight from ClickHouse.
import type { ClickHouse } from '../clickhouse/connect.ts';
import { EVENT_COLUMNS, rowSchema } from '../clickhouse/rows.ts';
import type { RowReader } from './export-bundle.ts';

/** Seconds for a page: 8,192 rows, some of which may be large. */
const TIME_LIMIT = 60;

/** Commitments are bytes, which JSON cannot hold: they are read in hexadecimal digits. */
const COLUMNS = EVENT_COLUMNS.map((column) => {
  if (column === 'value.commitment') return `arrayMap(bytes -> lower(hex(bytes)), value.commitment) AS \`${column}\``;
  return column.endsWith('_commitment') ? `lower(hex(events.${column})) AS ${column}` : `\`${column}\``;
}).join(', ');

export function readRowsFrom(clickhouse: ClickHouse, signal?: AbortSignal): RowReader {
  return (first, end) =>
    clickhouse.select(
      `SELECT ${COLUMNS} FROM events WHERE sequence >= {first:UInt64} AND sequence < {end:UInt64} ORDER BY sequence LIMIT {limit:UInt64}`,
      { first, end, limit: end - first + 1 },
      rowSchema,
      { timeLimit: TIME_LIMIT, signal },
    );
}
