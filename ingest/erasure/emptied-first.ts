// ClickHouse as whatever is told to anybody is asked of it. Until an erasure is settled there, it holds what was accepted to be
// gone: so what waits is settled first, by one mutation however many ask meanwhile, and then the question is asked.
import type { ClickHouse } from '../clickhouse/connect.ts';
import type { Eraser } from './eraser.ts';

export type Questioned = Pick<ClickHouse, 'embedded' | 'select'>;

/** Each `select` throws LogError as `settle` of the eraser does: what cannot be emptied now is not told either. */
export function emptiedFirst(clickhouse: ClickHouse, eraser: Pick<Eraser, 'reader' | 'settle'>): Questioned {
  let settling: Promise<void> | undefined;
  return {
    embedded: clickhouse.embedded,
    async select(sql, params, schema, options) {
      // Again after it: meanwhile another erasure may have been accepted.
      while (eraser.reader.waiting().erasures > 0) {
        settling ??= eraser.settle().finally(() => {
          settling = undefined;
        });
        await settling;
      }
      return clickhouse.select(sql, params, schema, options);
    },
  };
}
