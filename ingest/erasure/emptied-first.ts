// ClickHouse as whatever is told to anybody is asked of it. Until an erasure is settled there, it holds what was accepted to be
// gone: so what waits is settled first, by one mutation however many ask meanwhile, and then the question is asked.
import type { ClickHouse } from '../clickhouse/connect.ts';
import { LogError } from '../errors.ts';
import { isInTime } from '../in-time.ts';
import type { Eraser } from './eraser.ts';

/** One question may not take the memory of all others: what takes more is refused. */
const QUESTION_BYTES = 2 * 2 ** 30;

export type Questioned = Pick<ClickHouse, 'embedded' | 'select'>;

/** How long a question waits for it: a mutation of a large log may take longer than anybody waits for an answer. */
const PATIENCE_MS = 60_000;

/**
 * Each `select` throws LogError as `settle` of the eraser does, and clickhouse-refused when that takes too long: what cannot be
 * emptied now is not told either. `patienceMs`: only tests set it.
 */
export function emptiedFirst(
  clickhouse: ClickHouse,
  eraser: Pick<Eraser, 'reader' | 'settle'>,
  patienceMs = PATIENCE_MS,
): Questioned {
  let settling: Promise<void> | undefined;
  return {
    embedded: clickhouse.embedded,
    async select(sql, params, schema, options) {
      // Again after it: meanwhile another erasure may have been accepted.
      while (eraser.reader.waiting().erasures > 0) {
        settling ??= eraser.settle().finally(() => {
          settling = undefined;
        });
        if (!(await isInTime(settling, patienceMs)))
          throw new LogError(
            'clickhouse-refused',
            'ClickHouse is still being emptied of somebody who was erased; ask again.',
            { retryable: true },
          );
      }
      return clickhouse.select(sql, params, schema, { memoryLimit: QUESTION_BYTES, ...options });
    },
  };
}
