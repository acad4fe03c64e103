// A process whose journal loses one of its threads, as when it runs out of memory, then closes it and opens it again.
import { syncBuiltinESMExports } from 'node:module';
import workers from 'node:worker_threads';

const [folder = '', which = '0'] = process.argv.slice(2);
const threads: workers.Worker[] = [];
workers.Worker = class extends workers.Worker {
  constructor(...given: ConstructorParameters<typeof workers.Worker>) {
    super(...given);
    threads.push(this);
  }
};
syncBuiltinESMExports();

const { Journal } = await import('../../ingest/journal/journal.ts');
const journal = await Journal.open(folder);
await journal.head();
await threads[Number(which)]?.terminate();
const asked = await journal.head().then(
  () => 'answered',
  (error: unknown) => String(error),
);
await journal.close();
const again = await Journal.open(folder);
await again.close();
process.stdout.write(JSON.stringify({ threads: threads.length, asked }));
