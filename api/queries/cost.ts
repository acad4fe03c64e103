// What the answer to one request took ClickHouse, all its statements together.
import type { ReadCost } from '../../ingest/clickhouse/connect.ts';
import type { Questioned } from '../../ingest/erasure/emptied-first.ts';

export class Cost {
  #statements = 0;
  #total: ReadCost = { rows: 0, bytes: 0, milliseconds: 0 };

  /** The same log; what is asked of it is counted, and asked for `owner`. */
  counting({ embedded, select }: Questioned, owner: string): Questioned {
    const onCost = (cost: ReadCost) => this.#add(cost);
    return {
      embedded,
      select: (sql, params, schema, options) => select(sql, params, schema, { ...options, owner, onCost }),
    };
  }

  #add({ rows, bytes, milliseconds }: ReadCost): void {
    const total = this.#total;
    this.#statements += 1;
    this.#total = {
      rows: total.rows + rows,
      bytes: total.bytes + bytes,
      milliseconds: total.milliseconds + milliseconds,
    };
  }

  /** As it stands beside an answer: rows and bytes read from tables, and how long ClickHouse worked, rounded up. */
  describe(): { statements: number; rowsRead: number; bytesRead: number; milliseconds: number } {
    const { rows, bytes, milliseconds } = this.#total;
    return { statements: this.#statements, rowsRead: rows, bytesRead: bytes, milliseconds: Math.ceil(milliseconds) };
  }
}
