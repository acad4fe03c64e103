// The search of files before a certificate is issued: in which forms something is found, and what is named as not
// searched.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { FileSearchResult } from '../ingest/erasure/file-searcher.ts';
import { type SoughtContent, searchFiles } from '../ingest/erasure/search.ts';
import { ANN, CID, ErasureWorld, grepFiles } from './erasure-world.ts';
import { makeFolder } from './ingest-world.ts';

const NAME = 'Jörg Lindqvist';
const WORD = 'Li Wu';
const NUMBER = '1077';
const KEY = Buffer.from(Array.from({ length: 32 }, (_, i) => (i * 71 + 13) % 256));
const SOUGHT: SoughtContent = {
  values: ['Secretariat', NAME, WORD, NUMBER],
  names: [NAME],
  words: [WORD, NUMBER],
  keys: [KEY],
};

function search(data: string, folders: string[] = [], sought = SOUGHT): Promise<FileSearchResult> {
  return searchFiles({ data, folders, log: 'example.org/log', keys: [7], embedded: true }, sought);
}

/** Writes files, searches, and says which were found, by their names. */
async function searchAmong(t: TestContext, files: Record<string, Uint8Array | string>): Promise<FileSearchResult> {
  const folder = makeFolder(t);
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
  const { found, notSearched, ...rest } = await search(folder);
  const short = (file: string) => file.replace(`${folder}/`, '');
  return { ...rest, found: found.map(short).toSorted(), notSearched: notSearched.map(short).toSorted() };
}

const base64 = (text: string) => Buffer.from(text).toString('base64');
const utf16be = (text: string) => Buffer.from(text, 'utf16le').swap16();
const long = `${'x'.repeat(5_000_000)} `;

/** There on Linux only. */
const skip = existsSync('/proc/self/fd') ? false : 'there is no /proc';
const naming = (name: string) => ({ ...SOUGHT, names: [name] });

test('a file without an end is named as one that could not be searched, and keeps nobody waiting', {
  timeout: 60_000,
  skip,
}, async (t) => {
  for (const endless of ['/proc/kmsg', `/proc/${process.pid}/mem`])
    await assert.rejects(search(makeFolder(t), [endless]), {
      code: 'certificate-refused',
      message: `What could not be searched to its end: ${endless}.`,
    });
});

test('files of the kernel that say they are empty are read to their end', { skip }, async (t) => {
  const file = `/proc/${process.pid}/environ`;
  assert.deepEqual((await search(makeFolder(t), [file], naming(`${process.env.PATH}`))).found, [file]);
  const clean = await search(makeFolder(t), ['/proc/version']);
  assert.deepEqual([clean.found, clean.files], [[], 1]);
  assert.ok(clean.bytes > 0, 'what it holds was read');
});

test('a file that was deleted and is still open is searched where its descriptor is named', { skip }, async (t) => {
  const file = path.join(makeFolder(t), 'note.txt');
  writeFileSync(file, `${long}${NAME} `);
  const descriptor = openSync(file, 'r');
  rmSync(file);
  const open = `/proc/${process.pid}/fd/${descriptor}`;
  assert.deepEqual((await search(makeFolder(t), [open])).found, [open]);
  closeSync(descriptor);
});

test('a folder that is not there is named, and an empty file counts', async (t) => {
  const folder = makeFolder(t);
  const missing = path.join(folder, 'missing');
  await assert.rejects(search(folder, [missing]), { message: `What could not be searched to its end: ${missing}.` });
  mkdirSync(path.join(folder, 'below'));
  writeFileSync(path.join(folder, 'below', 'empty.txt'), '');
  const { files, bytes, found } = await search(folder);
  assert.deepEqual([files, bytes, found], [1, 0, []]);
});

test('a name is found in every form in which programs write it', async (t) => {
  const ldif = `dn: uid=7\ncn:: ${base64(NAME)}\n`;
  const folded = `dn: uid=7\ndescription: ${'z'.repeat(60)} ${NAME.slice(0, 6)}\n ${NAME.slice(6)} was here\n`;
  const mail = base64(`${'y'.repeat(50)} ${NAME} ${'y'.repeat(60)}`).replaceAll(/.{76}/g, '$&\r\n');
  const binary = Buffer.from([1, 0, 0, 1, 1]);
  const files = {
    'plain.csv': `1,${NAME}\n`,
    'composed.csv': `1,${NAME.normalize('NFD')}\n`,
    'latin1.csv': Buffer.from(`1;${NAME};\n`, 'latin1'),
    'escaped.json': `{"name":"J\\u00f6rg Lindqvist"}`,
    'twice.json': JSON.stringify({ row: '{"name":"J\\u00F6rg Lindqvist"}' }),
    'wide.csv': Buffer.from(`\uFEFF1,${NAME}\r\n`, 'utf16le'),
    'wide-other.csv': utf16be(`\uFEFF1,${NAME}\r\n`),
    'wide.bin': Buffer.concat([binary, Buffer.from(NAME, 'utf16le'), binary]),
    'wide-other.bin': Buffer.concat([binary, utf16be(NAME), binary]),
    'latin1.bin': Buffer.concat([binary, Buffer.from(NAME, 'latin1'), binary]),
    'entry.ldif': ldif,
    'folded.ldif': folded,
    'mail.eml': mail,
    'first.txt': base64(`${NAME} is here`),
    'second.txt': base64(`1${NAME}`.replace('1', ' ')),
    'third.txt': base64(`;;${NAME};;`),
    'within.txt': `${long}${NAME}`,
    'rows.jsonl.gz': gzipSync(`{"name":"${NAME}"}\n`),
    'ldif.gz': gzipSync(ldif),
    'files.tar.gz': gzipSync(tar({ 'a.csv': `1,${NAME}\n` })),
    'late.gz': gzipSync(`${long}${NAME}`),
    'members.gz': Buffer.concat([gzipSync('nobody\n'), gzipSync(`${NAME}\n`)]),
  };
  const { found, notSearched } = await searchAmong(t, files);
  assert.deepEqual(found, Object.keys(files).toSorted());
  assert.deepEqual(notSearched, []);
});

test('a name is not found in a longer one, whatever the form', async (t) => {
  const other = `A${NAME}er`;
  const { found, files } = await searchAmong(t, {
    'plain.csv': other,
    'wide.csv': Buffer.from(`\uFEFF${other}`, 'utf16le'),
    'first.txt': base64(other),
    'second.txt': base64(`1${other}`),
    'third.txt': base64(`12${other}`),
    'rows.gz': gzipSync(other),
    'at-an-edge.txt': `${' '.repeat(4 * 1024 * 1024 - Buffer.byteLength(NAME))}${NAME}er`,
    'short.txt': 'Li Wung, XLi Wu, 21077, 10770',
  });
  assert.deepEqual([found, files], [[], 8]);
});

test('a key is found as bytes, as hexadecimal digits and as base64', async (t) => {
  const files = {
    'a.bin': Buffer.concat([Buffer.from('zz'), KEY]),
    'b.txt': `key=${KEY.toString('hex')}`,
    'c.txt': `key=${KEY.toString('hex').toUpperCase()}`,
    'd.txt': KEY.toString('base64'),
    'e.txt': Buffer.concat([Buffer.from('1'), KEY, Buffer.from('2')]).toString('base64'),
    'f.txt': Buffer.concat([Buffer.from('12'), KEY]).toString('base64url'),
    'g.jsonl.gz': gzipSync(`{"number":7,"key":"${KEY.toString('hex')}"}`),
  };
  assert.deepEqual((await searchAmong(t, files)).found, Object.keys(files));
});

test('names too short to be found in bytes are found in text, as words', async (t) => {
  const { found } = await searchAmong(t, {
    'a.csv': `${WORD},Sales\n`,
    'b.csv': `7,${NUMBER},Sales\n`,
    'c.csv': Buffer.from(`\uFEFF7\t${NUMBER}\r\n`, 'utf16le'),
    'd.ldif': `cn:: ${base64(WORD)}\n`,
    'd1.ldif': `description: it is Li\n  Wu\n`,
    'e.gz': gzipSync(`${long}\n{"name":"${WORD}"}\n`),
    'f.jsonl': `{"id":"${NUMBER}"}\n`,
    'g.txt': `${'x '.repeat(9_000_000)}${WORD}`,
    'h.jsonl': `{"sequence":${NUMBER},"causes":[${NUMBER}]}\n`,
    'i.txt': `2026-11-23T10:${NUMBER}:00 01a2076a-${NUMBER}-7000 3.${NUMBER}\n`,
    'j.bin': Buffer.from(`\0\0${WORD}\0`),
  });
  assert.deepEqual(found, ['a.csv', 'b.csv', 'c.csv', 'd.ldif', 'd1.ldif', 'e.gz', 'f.jsonl', 'g.txt']);
});

test('a text that is spread over pages of SQLite is found, and a short one in its cells', async (t) => {
  const folder = makeFolder(t);
  const write = (name: string, ...rows: (string | Uint8Array)[]) => {
    const database = new DatabaseSync(path.join(folder, name));
    database.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, content ANY) STRICT');
    for (const row of rows) database.prepare('INSERT INTO t (content) VALUES (?)').run(row);
    database.close();
  };
  // In one of them the end of a page is within the name: the rest of it lies elsewhere.
  const place = makeFolder(t);
  const cut = Array.from({ length: 800 }, (_, i) => `${'x'.repeat(i * 6)} ${NAME}${'.'.repeat(9000 - i * 6)}`).find(
    (row, i) => {
      const file = path.join(place, `${i}.db`);
      const database = new DatabaseSync(file);
      database.exec('PRAGMA synchronous = OFF; CREATE TABLE t (id INTEGER PRIMARY KEY, content ANY) STRICT');
      database.prepare('INSERT INTO t (content) VALUES (?)').run(row);
      database.close();
      return !readFileSync(file).includes(NAME);
    },
  );
  assert.ok(cut, 'one of them is cut by a page, and not to be seen in the bytes');
  write('long.db', cut);
  assert.deepEqual(grepFiles(folder, NAME), []);
  write('short.db', `{"sequence":1,"state":"{\\"id\\":\\"${NUMBER}\\"}"}`);
  write('whole.db', '{"department":"Secretariat"}');
  write('packed.db', gzipSync(NAME));
  write('nobody.db', `{"sequence":${NUMBER},"department":"Secretariat of the crown"}`, gzipSync('nobody'));
  writeFileSync(
    path.join(folder, 'broken.db'),
    Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(5000, 7)]),
  );
  const { found, notSearched } = await search(folder);
  const names = found.map((file) => path.basename(file)).toSorted();
  assert.deepEqual(names, ['long.db', 'packed.db', 'short.db', 'whole.db']);
  assert.deepEqual(notSearched, [`${folder}/broken.db (tables of SQLite that cannot be read)`]);
});

test('what cannot be looked into is named, and does not count as searched', { timeout: 60_000 }, async (t) => {
  const packed = gzipSync(`nobody\n${long}`);
  const bomb = Buffer.concat(Array.from({ length: 300 }, () => gzipSync(Buffer.alloc(1024 * 1024))));
  const folder = makeFolder(t);
  execFileSync('python3', [
    '-c',
    "import zipfile,sys; zipfile.ZipFile(sys.argv[1], 'w', 8).writestr('a.csv', sys.argv[2] * 9)",
    `${folder}/a.zip`,
    NAME,
  ]);
  const outside = makeFolder(t);
  writeFileSync(path.join(outside, 'linked'), 'nobody');
  symlinkSync(path.join(outside, 'linked'), path.join(folder, 'link'));
  symlinkSync('circle', path.join(folder, 'circle'));
  symlinkSync('nothing', path.join(folder, 'nowhere'));
  writeFileSync(path.join(folder, 'real.txt'), 'nobody');
  symlinkSync(path.join(folder, 'real.txt'), path.join(folder, 'inner'));
  writeFileSync(path.join(folder, 'b.xz'), Buffer.from('fd377a585a000004', 'hex'));
  writeFileSync(path.join(folder, 'c.zst'), Buffer.from('28b52ffd04', 'hex'));
  writeFileSync(path.join(folder, 'cut.gz'), packed.subarray(0, packed.length - 40));
  writeFileSync(path.join(folder, 'bomb.gz'), bomb);
  writeFileSync(path.join(folder, 'nested.gz'), gzipSync(gzipSync(NAME)));
  writeFileSync(path.join(folder, 'inner.tar'), tar({ 'a.gz': gzipSync(NAME).toString('latin1') }));
  writeFileSync(path.join(folder, 'page.br'), 'nobody');
  for (const part of ['all_1_1_0', 'all_2_2_0']) {
    mkdirSync(path.join(folder, 'table', part), { recursive: true });
    for (const name of ['columns.txt', 'checksums.txt', 'data.bin'])
      writeFileSync(path.join(folder, 'table', part, name), '1');
  }
  const { files, bytes, found, notSearched } = await search(folder);
  const short = notSearched.map((file) => file.replace(`${folder}/`, '')).toSorted();
  assert.deepEqual(short, [
    'a.zip (zip)',
    'b.xz (xz)',
    'bomb.gz (gzip of more than 100 times its size)',
    'c.zst (zstd)',
    'circle (a link that cannot be followed)',
    'cut.gz (gzip that is damaged)',
    'inner.tar (gzip in tar)',
    'link (a link to somewhere else)',
    'nested.gz (gzip in gzip)',
    'page.br (br)',
    'table (parts of ClickHouse)',
  ]);
  assert.deepEqual([found, files, bytes], [[], 1, 6], 'only real.txt was searched');
});

test('what lies beside files that are called as those of a part of ClickHouse is searched, and below it', async (t) => {
  const mark = {
    'table/export/columns.txt': 'id,name',
    'table/export/checksums.txt': 'none',
    'table/export/count.txt': NUMBER,
  };
  const clean = await searchAmong(t, {
    ...mark,
    'table/export/people.csv': 'nobody\n',
    'table/export/a.zip': Buffer.from('504b0304', 'hex'),
  });
  assert.deepEqual([clean.found, clean.notSearched], [[], ['table (parts of ClickHouse)', 'table/export/a.zip (zip)']]);
  assert.equal(clean.files, 0, 'what may be packed in a way of its own does not count');
  const { found } = await searchAmong(t, {
    ...mark,
    'table/export/people.csv': `7,${NAME},Sales\n`,
    'table/export/old/rows.jsonl.gz': gzipSync(`{"name":"${NAME}"}\n`),
    'table/export/old/words.txt': `it was ${WORD}\n`,
    'other.csv': 'nobody\n',
  });
  assert.deepEqual(found, ['table/export/old/rows.jsonl.gz', 'table/export/old/words.txt', 'table/export/people.csv']);
});

test('a certificate is refused while a file beside those of a part of ClickHouse has the person', async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, CID);
  await world.employ(CID);
  const { event } = await world.erase(await world.objectOf(ANN.name));
  const folder = makeFolder(t);
  for (const name of ['columns.txt', 'checksums.txt']) writeFileSync(path.join(folder, name), '');
  const file = path.join(folder, 'people.csv');
  writeFileSync(file, `1,${ANN.name}\n`);
  const options = { who: 'privacy officer', by: 'administrator', folders: [folder], backups: [] };
  const certify = () => world.installation.log.eraser.certify(event, options);
  await assert.rejects(certify(), { code: 'certificate-refused', message: new RegExp(`is still in ${file}\\.$`) });
  rmSync(file);
  assert.deepEqual((await certify()).notSearched, [`${folder} (parts of ClickHouse)`]);
});

test('where ClickHouse is a server, files are unpacked, looked into and counted as well', async (t) => {
  const folder = makeFolder(t);
  const search = () =>
    searchFiles({ data: folder, folders: [], log: 'example.org/log', keys: [7], embedded: false }, SOUGHT);
  writeFileSync(path.join(folder, 'real.txt'), 'nobody');
  writeFileSync(path.join(folder, 'a.zip'), Buffer.from('504b0304', 'hex'));
  const { files, notSearched, parts } = await search();
  assert.deepEqual([files, notSearched, parts], [1, [path.join(folder, 'a.zip (zip)')], []]);
  writeFileSync(path.join(folder, 'rows.jsonl.gz'), gzipSync(`{"name":"${NAME}"}\n`));
  writeFileSync(path.join(folder, 'short.csv'), `${WORD},Sales\n`);
  const names = (await search()).found.map((file) => path.basename(file));
  assert.deepEqual(names.toSorted(), ['rows.jsonl.gz', 'short.csv']);
});

test('something in the name of a file is found, and not repeated', async (t) => {
  const { found } = await searchAmong(t, {
    [`of ${NAME}.txt`]: 'x',
    [`deep/${WORD}.txt`]: 'x',
    [`b/${NUMBER}.txt`]: 'x',
  });
  assert.equal(found.length, 2, 'a number may be anything');
  for (const said of found) assert.match(said, /^the name of a file in \S+$/);
});

/** An archive of tar, as that program writes it. */
function tar(files: Record<string, string>): Buffer {
  const blocks = Object.entries(files).flatMap(([name, content]) => {
    const header = Buffer.alloc(512);
    header.write(name);
    header.write('0000644\0', 100);
    header.write(`${Buffer.byteLength(content, 'latin1').toString(8).padStart(11, '0')}\0`, 124);
    header.write('ustar\x0000', 257);
    const body = Buffer.from(content, name.endsWith('gz') ? 'latin1' : 'utf8');
    return [header, body, Buffer.alloc((512 - (body.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}
