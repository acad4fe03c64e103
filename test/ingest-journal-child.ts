// A process of its own for the tests of the journal: opens a data folder and says what came of it, one JSON object a line.
// `hold` keeps it open; `write` accepts batches without end, two in flight, each with a state value that says its end.
import { writeSync } from 'node:fs';
import { LogError } from '../ingest/errors.ts';
import { Journal } from '../ingest/journal/journal.ts';
import { makeBatch } from './ingest-world.ts';

const [, , folder = '', mode = 'hold'] = process.argv;
// Written at once: a line that was only buffered would be lost with the process.
const say = (what: object): void => void writeSync(1, `${JSON.stringify(what)}\n`);

try {
  const journal = await Journal.open(folder);
  say({ opened: journal.size });
  if (mode === 'write') await write(journal);
  setInterval(() => undefined, 60_000);
} catch (error) {
  if (!(error instanceof LogError)) throw error;
  say({ code: error.code, message: error.message });
}

async function write(journal: Journal): Promise<never> {
  const inFlight: Promise<void>[] = [];
  for (let round = 0; ; round++) {
    const count = 1 + ((round * 37) % 400);
    const accepted = journal.accept((base) =>
      makeBatch(base, count, [
        { kind: 'batch', key: 'last', value: { first: base, next: base + count } },
        { kind: 'batch', key: `of ${base}`, value: count, indexed: { size: [String(count)] } },
      ]),
    );
    inFlight.push(accepted.then(({ next }) => say({ next })));
    if (inFlight.length >= 2) await inFlight.shift();
  }
}
