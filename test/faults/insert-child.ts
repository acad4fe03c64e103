// A process of its own that ships two batches into the embedded ClickHouse, and marks in its system calls, by the fsync of a file
// of its own, when the second is about to be sent and when it is answered for.
import { fsyncSync, openSync } from 'node:fs';
import path from 'node:path';
import { type ClickHouse, openClickHouse } from '../../ingest/clickhouse/connect.ts';
import { Shipper } from '../../ingest/clickhouse/shipper.ts';
import { Journal } from '../../ingest/journal/journal.ts';
import { grant } from './one-batch.ts';

const [, , folder = ''] = process.argv;

function mark(name: string): void {
  fsyncSync(openSync(path.join(folder, name), 'w'));
}

const journal = await Journal.open(folder);
const clickhouse = openClickHouse({ folder });
let inserts = 0;
const watched: ClickHouse = {
  ...clickhouse,
  async insert(statement, lines, signal) {
    inserts += 1;
    if (inserts === 2) mark('asked');
    await clickhouse.insert(statement, lines, signal);
    if (inserts === 2) mark('answered');
  },
};
const shipper = new Shipper(journal, watched);
await shipper.prepare();
shipper.start();
for (let batch = 0; batch < 2; batch++) {
  const { next } = await journal.accept(() => ({ events: [grant(1), grant(2)], state: [] }));
  await shipper.delivered(next);
}
await shipper.stop();
await clickhouse.close();
await journal.close();
