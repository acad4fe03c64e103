// A process of its own that accepts some batches, each with a state value that says its end, trims, and closes the journal.
// After each it says how many events are accepted.
import { writeSync } from 'node:fs';
import { Journal } from '../../ingest/journal/journal.ts';
import { makeBatch } from '../ingest-world.ts';

const SIZES = [3, 270, 1, 40, 260, 2];
const [, , folder = ''] = process.argv;
const journal = await Journal.open(folder);
for (const count of SIZES) {
  const { next } = await journal.accept((base) =>
    makeBatch(base, count, [{ kind: 'batch', key: 'last', value: { next: base + count } }]),
  );
  writeSync(1, `${JSON.stringify({ accepted: next })}\n`);
}
await journal.trim(256);
await journal.close();
