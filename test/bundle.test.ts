// Bundles: what is exported is verified by nothing but its folder; what is altered in one is found, event by event.
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { LogError } from '../ingest/errors.ts';
import { rootOfLeaves } from '../ingest/merkle/tree.ts';
import { checkBundle, editContents, editFile, editRows, makeBundle, type Row, seal } from './bundle-world.ts';
import { makeFolder } from './ingest-world.ts';
import { check, faultsOf, makeLog, type TestLog, TestSigner, tamper, withSqlite } from './verify-world.ts';

const suite = mkdtempSync(path.join(tmpdir(), 'metatrail-bundle-tests-'));
const data = path.join(suite, 'data');
const honest = path.join(suite, 'bundle');
let log: TestLog;
before(async () => {
  log = await makeLog(data);
  await makeBundle(data, honest);
});
after(() => rmSync(suite, { recursive: true, force: true }));

function copyOf(t: TestContext): string {
  const folder = path.join(makeFolder(t), 'bundle');
  cpSync(honest, folder, { recursive: true });
  return folder;
}

test('a bundle has rows, tiles, checkpoints, keys and public keys, and is verified', async () => {
  for (const name of ['rows/000000000000.jsonl.gz', 'tile/0/000', 'tile/0/002.p/188', 'tile/1/000.p/2', 'checkpoint'])
    assert.ok(existsSync(path.join(honest, name)), name);
  assert.equal(readFileSync(path.join(honest, 'public-keys'), 'utf8'), `${log.signer.vkey} 0\n`);
  assert.equal(statSync(path.join(honest, 'keys.jsonl')).mode & 0o777, 0o600);
  const report = await checkBundle(honest);
  assert.deepEqual([report.faults, report.unchecked, report.gaps], [[], [], []]);
  assert.equal(report.result, 'verified');
  assert.equal(report.root, (await check(data)).root);
  assert.equal(report.size, 700);
});

const PARTS: { from?: number; to?: number; first: number; size: number; checkpoints: number[] }[] = [
  { from: 0, to: 100, first: 0, size: 100, checkpoints: [700] },
  { from: 300, first: 256, size: 700, checkpoints: [300, 600, 700] },
  { from: 512, to: 513, first: 512, size: 513, checkpoints: [300, 700] },
  { from: 256, to: 512, first: 256, size: 512, checkpoints: [300, 700] },
];
for (const { first, size, checkpoints, ...range } of PARTS) {
  test(`a part from ${range.from} to ${range.to ?? 'the end'} is verified, and says that it is one`, async (t) => {
    const folder = path.join(makeFolder(t), 'bundle');
    const made = await makeBundle(data, folder, range);
    assert.deepEqual(
      { first: made.first, size: made.size, checkpoint: made.checkpoint },
      { first, size, checkpoint: 700 },
    );
    const report = await checkBundle(folder);
    assert.deepEqual([report.faults, report.unchecked], [[], []]);
    assert.deepEqual(
      report.checkpoints.filter(({ holds }) => holds).map((checkpoint) => checkpoint.size),
      checkpoints,
    );
    assert.equal(report.gaps.length, 1);
    assert.match(report.gaps[0]?.what ?? '', new RegExp(`holds events ${first} to ${size - 1} only`));
    editRows(
      folder,
      (rows) => rows.map((row) => (row.sequence === size - 1 ? { ...row, outcome: 'forged' } : row)),
      first,
    );
    seal(folder);
    const altered = await checkBundle(folder);
    assert.deepEqual(faultsOf(altered)[0], ['altered', size - 1]);
  });
}

const change = (sequence: number, fields: Row) => (folder: string) =>
  editRows(folder, (rows) => rows.map((row) => (row.sequence === sequence ? { ...row, ...fields } : row)));

/** What somebody does to a bundle, and what is found. */
const ATTACKS: Record<string, { attack: (folder: string) => void; found: [string, number | undefined][] }> = {
  'a value': {
    attack: change(123, { 'value.new': ['admin', 'B', 'p'] }),
    found: [['altered', 123]],
  },
  'a time': { attack: change(299, { occurred_at: '2020-01-01 00:00:00.000000' }), found: [['altered', 299]] },
  'an initiator': { attack: change(0, { initiator: 'nobody' }), found: [['altered', 0]] },
  'an outcome': { attack: change(699, { outcome: 'stage-no-change' }), found: [['altered', 699]] },
  'the number of a key': { attack: change(511, { actor_key: 1 }), found: [['altered', 511]] },
  'a cause': {
    attack: change(20, { causes: [3], root: 2 }),
    found: [
      ['altered', 20],
      ['other-root', 20],
    ],
  },
  'a column that the leaf does not cover': { attack: change(256, { run: 9 }), found: [['uncovered-column', 256]] },
  'a row, deleted': {
    attack: (folder) => editRows(folder, (rows) => rows.filter(({ sequence }) => sequence !== 400)),
    found: [['missing', 400]],
  },
  'a row, inserted at the end': {
    attack: (folder) => editRows(folder, (rows) => [...rows, { ...rows[5], sequence: 700 }]),
    found: [['beyond-the-end', 700]],
  },
  'a row, inserted a second time': {
    attack: (folder) => editRows(folder, (rows) => rows.flatMap((row) => (row.sequence === 5 ? [row, row] : [row]))),
    found: [['out-of-order', 5]],
  },
  'two rows, swapped': {
    attack: (folder) =>
      editRows(folder, (rows) =>
        rows.map((row, i) => ({ ...rows[i === 10 ? 30 : i === 30 ? 10 : i], sequence: row.sequence })),
      ),
    found: [
      ['altered', 10],
      ['later-event', 10],
    ],
  },
  'two lines, swapped': {
    attack: (folder) =>
      editRows(folder, (rows) => rows.map((row, i) => rows[i === 10 ? 30 : i === 30 ? 10 : i] ?? row)),
    found: [
      ['missing', 10],
      ['out-of-order', 10],
    ],
  },
  'the end, cut off': {
    attack: (folder) => editRows(folder, (rows) => rows.slice(0, 650)),
    found: [['missing', 650]],
  },
  'a tile': {
    attack: (folder) => editFile(folder, 'tile/0/001', (bytes) => flip(bytes, 44 * 32)),
    found: [['tile-altered', 300]],
  },
  'a tile above': {
    attack: (folder) => editFile(folder, 'tile/1/000.p/2', (bytes) => flip(bytes, 32)),
    found: [['tile-altered', 256]],
  },
  'the root of the checkpoint': {
    attack: (folder) =>
      editFile(folder, 'checkpoint', (bytes) => bytes.toString().replace(/\n700\n..../, '\n700\nAAAA')),
    found: [['checkpoint-signature', undefined]],
  },
  'the signature of a checkpoint': {
    attack: (folder) =>
      editFile(folder, 'checkpoints/300', (bytes) =>
        bytes.toString().replace(/(.)(.{9})\n$/, (_, a, b) => `${a === 'A' ? 'B' : 'A'}${b}\n`),
      ),
    found: [['checkpoint-signature', undefined]],
  },
  'the name on a signature': {
    attack: (folder) =>
      editFile(folder, 'checkpoints/300', (bytes) => bytes.toString().replace('— metatrail/', '— metatrial/')),
    found: [['checkpoint-signature', undefined]],
  },
  'a checkpoint of another log': {
    attack: (folder) =>
      editFile(folder, 'checkpoints/300', () => new TestSigner('metatrail/other').sign(300, Buffer.alloc(32))),
    found: [['checkpoint-origin', undefined]],
  },
  'the keys of two persons, swapped': {
    attack: (folder) =>
      editFile(folder, 'keys.jsonl', (bytes) => {
        const keys = bytes
          .toString()
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line) as { number: number; key: string });
        return keys.map(({ number }, i) => `${JSON.stringify({ number, key: keys[[1, 0][i] ?? i]?.key })}\n`).join('');
      }),
    found: [['altered', 0]],
  },
  'the key of a person, taken out': {
    attack: (folder) => editFile(folder, 'keys.jsonl', (bytes) => bytes.toString().split('\n').slice(1).join('\n')),
    found: [
      ['altered', 0],
      ['key-missing', 0],
    ],
  },
};

function flip(bytes: Buffer, offset: number): Buffer {
  bytes[offset] = (bytes[offset] ?? 0) ^ 1;
  return bytes;
}

for (const [what, { attack, found }] of Object.entries(ATTACKS)) {
  test(`altered in a bundle is found: ${what}`, async (t) => {
    const folder = copyOf(t);
    attack(folder);
    const damaged = await checkBundle(folder);
    assert.ok(
      damaged.faults.some(({ kind }) => kind === 'file-altered'),
      'its SHA-256 differs',
    );
    seal(folder);
    const report = await checkBundle(folder);
    assert.equal(report.result, 'faults');
    assert.deepEqual(faultsOf(report), found);
  });
}

/** What somebody does to a part whose rows begin with event 512, after a checkpoint of 300 events. */
const BEFORE_THE_ROWS: Record<string, { attack: (folder: string) => void; found: [string, number | undefined][] }> = {
  'an older checkpoint, signed anew over other events': {
    attack: (folder) => editFile(folder, 'checkpoints/300', () => log.signer.sign(300, Buffer.alloc(32, 7))),
    found: [['checkpoint-root', 0]],
  },
  'the leaves that an older checkpoint ends in': {
    attack: (folder) => editFile(folder, 'tile/0/001', (bytes) => flip(bytes, 44 * 32)),
    found: [['tile-altered', 256]],
  },
};
for (const [what, { attack, found }] of Object.entries(BEFORE_THE_ROWS)) {
  test(`altered in a part, before its rows, is found: ${what}`, async (t) => {
    const folder = path.join(makeFolder(t), 'bundle');
    await makeBundle(data, folder, { from: 512 });
    attack(folder);
    seal(folder);
    assert.deepEqual(faultsOf(await checkBundle(folder)), found);
  });
}

test('a checkpoint from outside is compared with a part whose rows begin after it, or said not to be', async (t) => {
  const folder = path.join(makeFolder(t), 'bundle');
  await makeBundle(data, folder, { from: 512 });
  const outside = (size: number, root = Buffer.alloc(32, 7)) => [
    { place: "the auditor's checkpoint", note: log.signer.sign(size, root) },
  ];
  for (const size of [256, 300, 310, 512]) {
    assert.deepEqual(faultsOf(await checkBundle(folder, { outside: outside(size) })), [
      ['checkpoint-root', size >= 300 ? 300 : 0],
    ]);
    const leaves = withSqlite(data, (database) =>
      database.prepare('SELECT leaf FROM journal WHERE sequence < ? ORDER BY sequence').all(size),
    ).map(({ leaf }) => leaf as Uint8Array);
    const same = await checkBundle(folder, { outside: outside(size, Buffer.from(rootOfLeaves(leaves))) });
    assert.deepEqual([same.faults, same.unchecked], [[], []]);
  }
  // No checkpoint of the log ends in the first tile, so that the bundle does not hold it.
  const report = await checkBundle(folder, { outside: outside(100) });
  assert.deepEqual(
    [report.result, report.unchecked.map(({ kind }) => kind)],
    ['incomplete', ['checkpoint-not-compared']],
  );
});

test("a bundle whose public key is somebody else's is found by a key from outside", async (t) => {
  const folder = copyOf(t);
  const forger = new TestSigner(log.log);
  editFile(folder, 'public-keys', () => `${forger.vkey}\n`);
  for (const name of ['checkpoint', 'checkpoints/300', 'checkpoints/600'])
    editFile(folder, name, (bytes) => {
      const body = bytes.toString().split('\n\n')[0] ?? '';
      return `${body}\n\n${forger.signatureOf(`${body}\n`)}`;
    });
  seal(folder);
  assert.equal((await checkBundle(folder)).result, 'verified');
  const report = await checkBundle(folder, { trusted: { place: 'keys', keys: log.signer.vkey } });
  assert.deepEqual([...new Set(faultsOf(report).map(([kind]) => kind))], ['checkpoint-signature']);
});

test('a bundle of a log that was rolled back is found by a checkpoint from outside', async (t) => {
  const note = log.signer.sign(900, Buffer.alloc(32, 3));
  const report = await checkBundle(copyOf(t), { outside: [{ place: "the auditor's checkpoint", note }] });
  assert.equal(report.result, 'faults');
  assert.deepEqual(faultsOf(report), [['rolled-back', 700]]);
});

test('a bundle cut off together with its contents is a part that says so, and its checkpoint still covers the rest', async (t) => {
  const folder = copyOf(t);
  editRows(folder, (rows) => rows.slice(0, 650));
  editContents(folder, (contents) => ({ ...contents, size: 650 }));
  seal(folder);
  const report = await checkBundle(folder);
  assert.deepEqual(report.faults, []);
  assert.match(report.gaps[0]?.what ?? '', /holds events 0 to 649 only, of 700 that its checkpoint covers/);
});

test('an export refuses what would prove nothing', async (t) => {
  const target = path.join(makeFolder(t), 'bundle');
  const refused = (range: { from?: number; to?: number }, said: RegExp) =>
    assert.rejects(
      makeBundle(data, target, range),
      (error) => error instanceof LogError && error.code === 'bundle-refused' && said.test(error.message),
    );
  await refused({ to: 701 }, /newest checkpoint covers 700 events; event 700 cannot be proved yet/);
  await refused({ from: 700 }, /no event from 700 on/);
  await assert.rejects(makeBundle(data, honest), /is not empty; name another one/);
});

test('a bundle goes only where nothing is: what is there could be readable by others, or lead somewhere else', async (t) => {
  const target = makeFolder(t);
  const precious = path.join(makeFolder(t), 'precious');
  writeFileSync(precious, 'precious');
  symlinkSync(precious, path.join(target, 'checkpoint'));
  await assert.rejects(makeBundle(data, target), /is not empty; name another one/);
  await assert.rejects(makeBundle(data, precious), { code: 'bundle-refused' });
  assert.equal(readFileSync(precious, 'utf8'), 'precious');
});

test('an export of a log with a gap is refused, and leaves no bundle', async (t) => {
  const folder = path.join(makeFolder(t), 'data');
  cpSync(data, folder, { recursive: true });
  await tamper(folder, 'ALTER TABLE events DELETE WHERE sequence = 44');
  const target = path.join(makeFolder(t), 'bundle');
  await assert.rejects(makeBundle(folder, target), /ClickHouse does not hold event 44 as it should/);
  await assert.rejects(async () => checkBundle(target), /The bundle is incomplete: bundle.json is not there/);
});

test('what is more than a bundle holds is refused before anything is written, those that have expired counted', async (t) => {
  const large = path.join(makeFolder(t), 'data');
  cpSync(data, large, { recursive: true });
  withSqlite(large, (database) => {
    const tombstone = JSON.stringify({ first: 0, size: 2 ** 27, note: '' });
    database.prepare("INSERT INTO state (kind, key, value, indexed) VALUES ('tombstone', '0', ?, '{}')").run(tombstone);
    database.prepare("INSERT INTO checkpoints (size, note) VALUES (?, '')").run(2 ** 27 + 700);
  });
  const target = path.join(makeFolder(t), 'bundle');
  await assert.rejects(makeBundle(large, target), {
    code: 'bundle-refused',
    message:
      /^A bundle holds at most 100000000 events, without --from those that have expired among them; export parts/,
  });
  assert.equal(existsSync(target), false);
});
