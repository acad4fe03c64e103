// A process of its own that looks for what was erased in files. Not in the service: to close a file of SQLite there would
// let go of the locks that the service has on it. What is looked for comes in on standard input and is never written anywhere.
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { FileSearcher } from './file-searcher.ts';
import { Needles } from './needles.ts';
import { ShortWords } from './words.ts';

const question = z
  .object({
    places: z.array(z.string()),
    /** The folder of the embedded ClickHouse, whose tables are searched as tables. */
    store: z.string(),
    values: z.array(z.string()),
    names: z.array(z.string()),
    words: z.array(z.string()),
    keys: z.array(z.string()),
    erased: z.object({ log: z.string(), numbers: z.array(z.number()) }),
  })
  .parse(JSON.parse(await text(process.stdin)));
const keys = question.keys.map((hex) => Buffer.from(hex, 'hex'));
const searcher = new FileSearcher(
  { needles: new Needles(question.names, keys), words: new ShortWords(question.words, question.values) },
  question.erased,
  question.store,
);
for (const place of question.places) await searcher.searchBelow(place);
process.stdout.write(JSON.stringify(searcher.result));
