// Bundles made to do harm: each ends in a sentence and exit code 2, reads nothing outside its folder, and never fills memory.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createGzip } from 'node:zlib';
import { CannotCheckError } from '../ingest/verify/cannot-check.ts';
import { checkBundle, editContents, editFile, editRows, makeBundle, type Row, seal } from './bundle-world.ts';
import { makeFolder } from './ingest-world.ts';
import { makeEvents, makeLog } from './verify-world.ts';

const VERIFIER = fileURLToPath(new URL('../ingest/verify/main.ts', import.meta.url));
const ROWS = 'rows/000000000000.jsonl.gz';
const suite = mkdtempSync(path.join(tmpdir(), 'metatrail-bundle-tests-'));
const honest = path.join(suite, 'bundle');
before(async () => {
  await makeLog(path.join(suite, 'data'), { batches: [(base) => makeEvents(base, 20)], checkpoints: [] });
  await makeBundle(path.join(suite, 'data'), honest);
});
after(() => rmSync(suite, { recursive: true, force: true }));

const contents = (fields: Row) => (folder: string) => editContents(folder, (before) => ({ ...before, ...fields }));
const files = (edit: (list: Row[]) => unknown) => (folder: string) =>
  editContents(folder, (before) => ({ ...before, files: edit(before.files as Row[]) }));
const row = (fields: Row) => (folder: string) =>
  editRows(folder, (rows) => rows.map((each, i) => (i === 3 ? { ...each, ...fields } : each)));

/** What is done to it, and what is said. */
const HOSTILE: Record<string, { harm: (folder: string) => unknown; said: RegExp }> = {
  'contents that are no JSON': {
    harm: (folder) => editFile(folder, 'bundle.json', () => '{"format": '),
    said: /bundle\.json is no JSON object/,
  },
  'contents nested without end': {
    harm: (folder) => editFile(folder, 'bundle.json', () => '['.repeat(3_000_000)),
    said: /bundle\.json is no JSON object/,
  },
  'contents of another format': {
    harm: contents({ format: 'metatrail-bundle/2' }),
    said: /does not say format metatrail-bundle\/1/,
  },
  'contents without a log': { harm: contents({ log: 12 }), said: /log is no name of a log/ },
  'a range that ends before it begins': {
    harm: contents({ first: 256, size: 20 }),
    said: /first and size are no range/,
  },
  'a range of fractions': { harm: contents({ size: 1.5 }), said: /first and size are no range/ },
  'a size beyond all numbers': { harm: contents({ size: 1e300 }), said: /first and size are no range/ },
  'files that are no list': { harm: contents({ files: { length: 1e9 } }), said: /files is no list/ },
  'a path out of the folder': {
    harm: files((list) => [...list, { path: '../../etc/passwd', sha256: '0'.repeat(64) }]),
    said: /a path is none of a bundle/,
  },
  'an absolute path': {
    harm: files((list) => [...list, { path: '/etc/passwd', sha256: '0'.repeat(64) }]),
    said: /a path is none of a bundle/,
  },
  'a path with dots within': {
    harm: files((list) => [...list, { path: 'tile/0/x../000', sha256: '0'.repeat(64) }]),
    said: /a path is none of a bundle/,
  },
  'a file listed twice': { harm: files((list) => [...list, list[0]]), said: /is listed twice/ },
  'a hash that is none': {
    harm: files((list) => list.map((file) => ({ ...file, sha256: 7 }))),
    said: /the SHA-256 of .* is none/,
  },
  'a file that is not there': {
    harm: (folder) => rmSync(path.join(folder, ROWS)),
    said: /The bundle is incomplete: rows\/000000000000\.jsonl\.gz is not there/,
  },
  'keys that are not there': {
    harm: (folder) => rmSync(path.join(folder, 'keys.jsonl')),
    said: /The bundle is incomplete: keys\.jsonl is not there/,
  },
  'a link to a file outside': {
    harm: (folder) => {
      rmSync(path.join(folder, 'keys.jsonl'));
      symlinkSync('/etc/passwd', path.join(folder, 'keys.jsonl'));
    },
    said: /keys\.jsonl of the bundle is no plain file/,
  },
  'a link to a folder outside': {
    harm: (folder) => {
      renameSync(path.join(folder, 'rows'), path.join(folder, '../rows-elsewhere'));
      symlinkSync('../rows-elsewhere', path.join(folder, 'rows'));
    },
    said: /rows\/000000000000\.jsonl\.gz of the bundle is no plain file/,
  },
  'rows that are cut off': {
    harm: (folder) => editFile(folder, ROWS, (bytes) => bytes.subarray(0, bytes.length / 2)),
    said: /is cut off or damaged/,
  },
  'rows that are not packed': {
    harm: (folder) => editFile(folder, ROWS, () => '{}\n'),
    said: /is cut off or damaged after line 0/,
  },
  'a line that is no JSON': {
    harm: (folder) => packed(folder, ['{"log"\n']),
    said: /Line 1 of rows.* is no row of the log: it is no JSON/,
  },
  'a line nested without end': {
    harm: (folder) => packed(folder, [`${'['.repeat(5_000_000)}\n`]),
    said: /Line 1 of rows.* is no row of the log/,
  },
  'a column that is not known': { harm: row({ secret: 1 }), said: /Line 4 of .*: it has a column that is not known/ },
  'a column of another type': {
    harm: row({ object_name: { toString: 1 } }),
    said: /Line 4 of .*: object_name is no text/,
  },
  'a sequence that is text': { harm: row({ sequence: '3' }), said: /Line 4 of .*: sequence is no whole number/ },
  'a sequence beyond all numbers': {
    harm: row({ sequence: 1e300 }),
    said: /Line 4 of .*: sequence is no whole number/,
  },
  'a time that is none': { harm: row({ recorded_at: 'yesterday' }), said: /Line 4 of .*: recorded_at is no time/ },
  'lists of different lengths': {
    harm: row({ 'value.old': ['a'] }),
    said: /Line 4 of .*: value\.old has 1 elements instead of 3/,
  },
  'a UUID that is none': { harm: row({ object: '../../etc/passwd' }), said: /Line 4 of .*: object is no UUID/ },
  'a row that is a list': { harm: (folder) => packed(folder, ['[]\n']), said: /it is no object/ },
  'more lines than events': {
    harm: (folder) => editRows(folder, (rows) => Array.from({ length: 3000 }, () => rows[0] ?? {})),
    said: /has more lines than events/,
  },
  'keys that are no JSON': {
    harm: (folder) => editFile(folder, 'keys.jsonl', () => 'x\n'),
    said: /Line 1 of keys\.jsonl .* no JSON/,
  },
  'a key that is short': {
    harm: (folder) => editFile(folder, 'keys.jsonl', () => '{"number":1,"key":"00"}\n'),
    said: /Line 1 of keys\.jsonl .* not 32 bytes/,
  },
  'keys out of order': {
    harm: (folder) =>
      editFile(folder, 'keys.jsonl', (bytes) => `${bytes.toString()}{"number":1,"key":"${'0'.repeat(64)}"}\n`),
    said: /its number is not larger than the one before/,
  },
  'a public key that is none': {
    harm: (folder) => editFile(folder, 'public-keys', () => 'name+00000000+AAAA\n'),
    said: /Line 1 of the public keys of .* is no verifier key/,
  },
  'a checkpoint of ten megabytes': {
    harm: (folder) => editFile(folder, 'checkpoint', () => 'x'.repeat(10_000_000)),
    said: /checkpoint of the bundle is larger than/,
  },
  'a tile that is larger than a tile': {
    harm: (folder) => editFile(folder, 'tile/0/000.p/20', () => 'x'.repeat(9000)),
    said: /tile\/0\/000\.p\/20 of the bundle is larger than 8192 bytes/,
  },
};

async function packed(folder: string, chunks: Iterable<string>): Promise<void> {
  const gzip = createGzip({ level: 1 });
  const parts: Buffer[] = [];
  gzip.on('data', (part: Buffer) => parts.push(part));
  for (const chunk of chunks) if (!gzip.write(chunk)) await once(gzip, 'drain');
  gzip.end();
  await once(gzip, 'end');
  writeFileSync(path.join(folder, ROWS), Buffer.concat(parts));
}

for (const [what, { harm, said }] of Object.entries(HOSTILE)) {
  test(`a bundle with ${what} is refused with a sentence`, async (t) => {
    const folder = path.join(makeFolder(t), 'bundle');
    cpSync(honest, folder, { recursive: true });
    await harm(folder);
    await assert.rejects(
      async () => checkBundle(folder),
      (error) => error instanceof CannotCheckError && said.test(error.message),
    );
  });
}

const BOMB_MEMORY_MEGABYTES = 200;

test('rows that unpack to ten gigabytes on one line do not fill the memory, and are refused', async (t) => {
  const folder = path.join(makeFolder(t), 'bundle');
  cpSync(honest, folder, { recursive: true });
  const zeros = ' '.repeat(1 << 20);
  await packed(
    folder,
    Array.from({ length: 1024 }, () => zeros),
  );
  // A gzip file may be several, one after the other.
  const file = path.join(folder, ROWS);
  writeFileSync(file, Buffer.concat(Array.from({ length: 10 }, () => readFileSync(file))));
  seal(folder);
  const run = promisify(execFile)(process.execPath, [
    `--max-old-space-size=${BOMB_MEMORY_MEGABYTES}`,
    VERIFIER,
    '--offline',
    folder,
  ]);
  await assert.rejects(run, (error: { code?: number; stderr?: string }) => {
    assert.equal(error.code, 2);
    assert.match(error.stderr ?? '', /has a line longer than 67108864 bytes, which no row is/);
    return true;
  });
});

test('a checkpoint that is no checkpoint is a fault of the bundle', async (t) => {
  const folder = path.join(makeFolder(t), 'bundle');
  cpSync(honest, folder, { recursive: true });
  editFile(folder, 'checkpoint', () => 'x\n\u0000\n\n— x AAAAAAAA\n');
  seal(folder);
  const report = await checkBundle(folder);
  assert.deepEqual(
    report.faults.map(({ kind }) => kind),
    ['checkpoint-malformed'],
  );
});

test('a tile that is not there cannot be checked: exit code 2, but what is wrong besides is said', async (t) => {
  const folder = path.join(makeFolder(t), 'bundle');
  cpSync(honest, folder, { recursive: true });
  rmSync(path.join(folder, 'tile/0/000.p/20'));
  seal(folder);
  const report = await checkBundle(folder);
  assert.equal(report.result, 'incomplete');
  assert.match(report.unchecked[0]?.what ?? '', /tile 0 of level 0 of .*, which begins with event 0, is not there/);
});
