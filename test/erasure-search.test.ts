// The search of files before a certificate is issued: what counts as searched, and what cannot be searched.
import assert from 'node:assert/strict';
import { closeSync, existsSync, mkdirSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { searchFiles } from '../ingest/erasure/search.ts';
import { makeFolder } from './ingest-world.ts';

const sought = (name: string) => ({ values: [], names: [name], keys: [] });
const NAME = 'Annabel Nobody';
/** There on Linux only. */
const skip = existsSync('/proc/self/fd') ? false : 'there is no /proc';

test('a file without an end is named as one that could not be searched, and keeps nobody waiting', {
  timeout: 60_000,
  skip,
}, async () => {
  for (const endless of ['/proc/kmsg', `/proc/${process.pid}/mem`])
    await assert.rejects(searchFiles([endless], sought(NAME)), {
      code: 'certificate-refused',
      message: `What could not be searched to its end: ${endless}.`,
    });
});

test('files of the kernel that say they are empty are read to their end', { skip }, async () => {
  const file = `/proc/${process.pid}/environ`;
  const { found, files, bytes } = await searchFiles([file], sought(`${process.env.PATH}`));
  assert.deepEqual([found, files], [[file], 1]);
  assert.ok(bytes > 0);
  const clean = await searchFiles(['/proc/version'], sought(NAME));
  assert.deepEqual([clean.found, clean.files], [[], 1]);
  assert.ok(clean.bytes > 0, 'what it holds was read');
});

test('a file that was deleted and is still open is searched where its descriptor is named', { skip }, async (t) => {
  const file = path.join(makeFolder(t), 'note.txt');
  writeFileSync(file, `${'x'.repeat(5_000_000)} ${NAME} `);
  const descriptor = openSync(file, 'r');
  rmSync(file);
  const open = `/proc/${process.pid}/fd/${descriptor}`;
  assert.deepEqual((await searchFiles([open], sought(NAME))).found, [open]);
  closeSync(descriptor);
});

test('a folder that is not there is named, links are not followed, an empty file counts', async (t) => {
  const folder = makeFolder(t);
  const missing = path.join(folder, 'missing');
  await assert.rejects(searchFiles([folder, missing], sought(NAME)), {
    message: `What could not be searched to its end: ${missing}.`,
  });
  const elsewhere = makeFolder(t);
  writeFileSync(path.join(elsewhere, 'named.txt'), NAME);
  mkdirSync(path.join(folder, 'below'));
  writeFileSync(path.join(folder, 'below', 'empty.txt'), '');
  symlinkSync(elsewhere, path.join(folder, 'link'));
  assert.deepEqual(await searchFiles([folder], sought(NAME)), { files: 1, bytes: 0, found: [] });
});
