// A process of its own for the tests of the whole log: accepts grants without end and ships them to the embedded
// ClickHouse, until it is killed. Says how many were delivered, a number a line.
import { writeSync } from 'node:fs';
import { openChangeLog } from '../ingest/log.ts';
import { makeEvent, makeId } from './ingest-world.ts';

const [, , folder = ''] = process.argv;
const log = await openChangeLog({ folder });
for (let round = 0; ; round++) {
  const count = 1 + ((round * 53) % 300);
  const { next } = await log.journal.accept((base) => ({
    events: Array.from({ length: count }, (_, i) =>
      makeEvent({
        object: makeId(base + i + 1),
        agent: 'ldap',
        values: ['a', 'b'].map((value) => ({
          attribute: 'role',
          type: 'string',
          operation: 'add',
          new: value,
          marks: 1,
        })),
      }),
    ),
    state: [],
  }));
  await log.shipper.delivered(next - 500);
  writeSync(1, `${log.shipper.shipped}\n`);
}
