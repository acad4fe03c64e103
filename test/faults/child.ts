// A process of its own that takes one batch all its way, with the one fault that FAULT plans for it. preload.ts must have
// been loaded before it.
import type { ClickHouse } from '../../ingest/clickhouse/connect.ts';
import { LogError } from '../../ingest/errors.ts';
import { atSlowStep } from './fault.ts';
import { goOn } from './one-batch.ts';

const [folder = '', url, database] = process.argv.slice(2);

/** As a connection that breaks is reported. */
function failAsNetwork(): never {
  throw new LogError('clickhouse-away', 'ClickHouse does not answer (ECONNRESET).', { retryable: true });
}

function withFaults(clickhouse: ClickHouse): ClickHouse {
  return {
    ...clickhouse,
    insert(statement, lines, signal) {
      const work = () => clickhouse.insert(statement, lines, signal);
      return statement.startsWith('INSERT INTO events') ? atSlowStep('insert', failAsNetwork, work) : work();
    },
    command(sql, params) {
      const work = () => clickhouse.command(sql, params);
      return sql.startsWith('INSERT INTO') ? atSlowStep('complete views', failAsNetwork, work) : work();
    },
    select: (sql, params, schema, options) =>
      atSlowStep('compare', failAsNetwork, () => clickhouse.select(sql, params, schema, options)),
  };
}

await goOn({ folder, url, database }, withFaults);
