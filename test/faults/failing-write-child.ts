// A process of its own that accepts some batches, each again until it is accepted or was refused five times. Says how
// often it was refused, and with which codes, also by closing.
import { writeSync } from 'node:fs';
import { LogError } from '../../ingest/errors.ts';
import { Journal } from '../../ingest/journal/journal.ts';
import { makeBatch } from '../ingest-world.ts';

const SIZES = [3, 270, 1, 40];
const MOST_ATTEMPTS = 5;
const [, , folder = ''] = process.argv;
const journal = await Journal.open(folder);
const refusals: string[] = [];
for (const count of SIZES) await acceptAtLast(count);
const closing: string[] = [];
await journal.close().catch((error: unknown) => {
  if (!(error instanceof LogError)) throw error;
  closing.push(error.code);
});
writeSync(1, JSON.stringify({ accepted: journal.size, refusals, closing }));

async function acceptAtLast(count: number): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await journal.accept((base) =>
        makeBatch(base, count, [{ kind: 'batch', key: 'last', value: { next: base + count } }]),
      );
      return;
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      refusals.push(error.code);
      if (attempt === MOST_ATTEMPTS) return;
    }
  }
}
