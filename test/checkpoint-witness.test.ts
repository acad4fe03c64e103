// A witness written here from the words of c2sp.org/tlog-witness and c2sp.org/tlog-cosignature, with a state and a key of its
// own and nothing of ours; and what the log does with its answers.
import assert from 'node:assert/strict';
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { readEnvironment } from '../api/environment.ts';
import { createDestinations, Publication } from '../ingest/checkpoints/publication/publication.ts';
import { createWitness } from '../ingest/checkpoints/publication/witness.ts';
import { CheckpointWorld, tamper } from './checkpoint-world.ts';
import { afterwards } from './ingest-world.ts';

interface Answer {
  status: number;
  type?: string;
  body?: string;
}

const sha256 = (...parts: Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();
const rawKey = (key: KeyObject): Buffer => Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url');

class Witness {
  readonly name: string;
  readonly #keys = generateKeyPairSync('ed25519');
  /** The logs that it knows: origin to the vkeys that it trusts. */
  readonly logs = new Map<string, string[]>();
  /** What it has cosigned last. */
  readonly seen = new Map<string, { size: number; root: string }>();
  /** Every request, with what it was answered. */
  readonly requests: { old: string; size: string; status: number }[] = [];
  /** Instead of what it would say. */
  forced: Answer | undefined;
  /** Seconds that its clock is ahead. */
  ahead = 0;
  url = new URL('http://127.0.0.1/');
  #server: Server | undefined;

  constructor(name: string) {
    this.name = name;
  }

  get #typedKey(): Buffer {
    return Buffer.concat([Buffer.of(4), rawKey(this.#keys.publicKey)]);
  }

  get #keyId(): Buffer {
    return sha256(Buffer.from(`${this.name}\n`), this.#typedKey).subarray(0, 4);
  }

  get vkey(): string {
    return `${this.name}+${this.#keyId.toString('hex')}+${this.#typedKey.toString('base64')}`;
  }

  async start(t: TestContext, port = 0): Promise<void> {
    const server = createServer((request, response) => {
      void this.#receive(request).then(({ status, type = 'text/plain', body = '' }) =>
        response.writeHead(status, { 'content-type': type }).end(body),
      );
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    this.url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/w/`);
    afterwards(t, () => this.stop());
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  async #receive(request: IncomingMessage): Promise<Answer> {
    const body = await text(request);
    const ours = request.method === 'POST' && request.url === '/w/add-checkpoint';
    const answer = ours ? (this.forced ?? this.#addCheckpoint(body)) : { status: 404 };
    const [head = '', checkpoint = ''] = body.split('\n\n');
    this.requests.push({
      old: head.split('\n')[0] ?? '',
      size: checkpoint.split('\n')[1] ?? '',
      status: answer.status,
    });
    return answer;
  }

  #addCheckpoint(body: string): Answer {
    const end = body.indexOf('\n\n');
    const [first = '', ...lines] = body.slice(0, end).split('\n');
    const note = body.slice(end + 2);
    const split = note.lastIndexOf('\n\n');
    const signed = note.slice(0, split + 1);
    const signatures = note
      .slice(split + 2)
      .trimEnd()
      .split('\n');
    const [origin = '', sizeLine = '', rootLine = ''] = signed.split('\n');
    const old = Number(/^old (0|[1-9]\d*)$/.exec(first)?.[1] ?? Number.NaN);
    const size = Number(sizeLine);
    const trusted = this.logs.get(origin);
    if (!trusted) return { status: 404 };
    if (!signatures.some((line) => trusted.some((vkey) => hasSigned(vkey, line, signed)))) return { status: 403 };
    if (Number.isNaN(old) || old > size || lines.length > 63) return { status: 400 };
    const last = this.seen.get(origin) ?? { size: 0, root: sha256().toString('base64') };
    if (old !== last.size || (old === size && last.root !== rootLine))
      return { status: 409, type: 'text/x.tlog.size', body: `${last.size}\n` };
    const proof = lines.map((line) => Buffer.from(line, 'base64'));
    if (!isConsistent(old, Buffer.from(last.root, 'base64'), size, Buffer.from(rootLine, 'base64'), proof))
      return { status: 422 };
    this.seen.set(origin, { size, root: rootLine });
    return { status: 200, body: this.cosign(signed) };
  }

  cosign(signed: string, earlier = 0): string {
    const seconds = Math.floor(Date.now() / 1000) + this.ahead - earlier;
    const time = Buffer.alloc(8);
    time.writeBigUInt64BE(BigInt(seconds));
    const signature = sign(null, Buffer.from(`cosignature/v1\ntime ${seconds}\n${signed}`), this.#keys.privateKey);
    return `— ${this.name} ${Buffer.concat([this.#keyId, time, signature]).toString('base64')}\n`;
  }
}

function hasSigned(vkey: string, line: string, signed: string): boolean {
  const [name = '', id = '', ...encoded] = vkey.split('+');
  const [dash, named, signature = ''] = line.split(' ');
  const bytes = Buffer.from(signature, 'base64');
  if (dash !== '—' || named !== name || bytes.subarray(0, 4).toString('hex') !== id) return false;
  const x = Buffer.from(encoded.join('+'), 'base64').subarray(1).toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  return verify(null, Buffer.from(signed), key, bytes.subarray(4));
}

/** RFC 6962 section 2.1.2 turned around: the proof is taken apart as the definition puts it together. */
function isConsistent(from: number, fromRoot: Buffer, to: number, toRoot: Buffer, proof: Buffer[]): boolean {
  if (from === 0) return proof.length === 0;
  if (from === to) return proof.length === 0 && fromRoot.equals(toRoot);
  const left = [...proof];
  const node = (a: Buffer, b: Buffer): Buffer => sha256(Buffer.of(1), a, b);
  /** Both roots of the subtree of `n` leaves of which `m` are old. */
  const climb = (m: number, n: number, known: boolean): [Buffer, Buffer] => {
    if (m === n) {
      const root = known ? fromRoot : (left.shift() ?? Buffer.alloc(0));
      return [root, root];
    }
    const k = 2 ** Math.floor(Math.log2(n - 1));
    if (m <= k) {
      const [a, b] = climb(m, k, known);
      return [a, node(b, left.shift() ?? Buffer.alloc(0))];
    }
    const [a, b] = climb(m - k, n - k, false);
    const full = left.shift() ?? Buffer.alloc(0);
    return [node(full, a), node(full, b)];
  };
  const [a, b] = climb(from, to, true);
  return left.length === 0 && a.equals(fromRoot) && b.equals(toRoot);
}

interface Watched {
  world: CheckpointWorld;
  witness: Witness;
  publication: Publication;
  said: string[];
}

async function watch(t: TestContext, name = 'witness.example/w1'): Promise<Watched> {
  const world = await CheckpointWorld.open(t);
  const witness = new Witness(name);
  await witness.start(t);
  witness.logs.set(
    world.journal.log,
    world.checkpoints.keys().map(({ vkey }) => vkey),
  );
  const said: string[] = [];
  return { world, witness, publication: publish(t, world, [witness], said), said };
}

function publish(t: TestContext, { checkpoints }: CheckpointWorld, witnesses: Witness[], said: string[]): Publication {
  const { publication: settings } = readEnvironment({
    METATRAIL_WITNESSES: witnesses.map(({ url, vkey }) => `${url.href} ${vkey}`).join(',\n'),
  });
  const publication = new Publication(checkpoints, createDestinations(settings, checkpoints), {
    firstPauseMs: 10,
    longestPauseMs: 40,
  });
  publication.onFailed((message) => said.push(message));
  afterwards(t, () => publication.close());
  return publication;
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  for (let turn = 0; !isSo(); turn++) {
    assert.ok(turn < 1000, `it never came to be that ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function signMore(world: CheckpointWorld, count: number): Promise<number> {
  await world.grow(count);
  return (await world.checkpoints.current()).size;
}

const isCosigned = ({ world, witness }: Watched, size: number): boolean => {
  const note = world.checkpoints.at(size)?.note ?? '';
  return note.includes(`— ${witness.name} `) && CheckpointWorld.signers(note, [witness.vkey]).length === 1;
};

test('a witness follows the log from its first checkpoint on, and its cosignatures are kept in the notes', async (t) => {
  const watched = await watch(t);
  const { world, witness, publication, said } = watched;
  const sizes: number[] = [];
  for (const count of [1, 2, 253, 1, 300, 77]) {
    const size = await signMore(world, count);
    sizes.push(size);
    await until(`size ${size} is cosigned`, () => isCosigned(watched, size));
    await until('that is on record', () => publication.outside?.size === size);
  }
  assert.deepEqual(
    witness.requests,
    sizes.map((size, i) => ({ old: `old ${sizes[i - 1] ?? 0}`, size: String(size), status: 200 })),
  );
  assert.equal(publication.outside?.destination, 'witness witness.example/w1');
  assert.deepEqual(said, []);
  const note = world.checkpoints.newest()?.note ?? '';
  const own = world.checkpoints.keys().map(({ vkey }) => vkey);
  assert.equal(CheckpointWorld.signers(note, [...own, witness.vkey]).length, 2);
  assert.equal((await world.checkpoints.current()).note, note, 'it is the cosigned one that is served');
});

test('a witness that knows more or less than the log thinks says its size, and goes on from there', async (t) => {
  const watched = await watch(t);
  const { world, witness, publication } = watched;
  const first = await signMore(world, 5);
  await until('the first is cosigned', () => isCosigned(watched, first));
  // Its memory was restored from a backup: it knows nothing of this log.
  witness.seen.clear();
  const second = await signMore(world, 5);
  await until('the second is cosigned', () => isCosigned(watched, second));
  // It was sent a checkpoint by somebody else in between.
  await publication.close();
  const middle = await signMore(world, 5);
  const text = world.checkpoints.at(middle)?.note.split('\n\n')[0] ?? '';
  witness.seen.set(world.journal.log, { size: middle, root: text.split('\n')[2] ?? '' });
  const again = { ...watched, publication: publish(t, world, [witness], []) };
  const last = await signMore(world, 5);
  await until('the last is cosigned', () => isCosigned(again, last));
  assert.deepEqual(
    witness.requests.map(({ old, status }) => [old, status]).filter(([, status]) => status === 409).length,
    2,
  );
});

test('a witness that is away holds up nothing, and gets the newest when it is back', async (t) => {
  const watched = await watch(t);
  const { world, witness, said } = watched;
  const port = Number(witness.url.port);
  await witness.stop();
  for (let i = 0; i < 5; i++) await signMore(world, 10);
  await until('it was looked for', () => said.length >= 2);
  assert.match(said[0] ?? '', /^The witness witness\.example\/w1 cannot be reached \(ECONNREFUSED\)\.$/);
  await witness.start(t, port);
  await until('the newest is cosigned', () => isCosigned(watched, 50));
  assert.deepEqual(
    witness.requests.map(({ size }) => size),
    ['50'],
  );
  assert.ok(!isCosigned(watched, 10));
});

test('what a witness refuses is said with what to do about it', async (t) => {
  const { world, witness } = await watch(t);
  const size = await signMore(world, 5);
  const kept = world.checkpoints.at(size);
  assert.ok(kept);
  const direct = createWitness({ url: witness.url, vkey: witness.vkey }, world.checkpoints);
  const { note } = kept;
  const wrongLine = witness.cosign(`${note.split('\n\n')[0]}\n`.replace(`\n${size}\n`, '\n6\n'));
  const other = new Witness('witness.example/other');
  for (const [forced, said] of [
    [{ status: 400 }, /does not understand the request \(400\)\.$/],
    [{ status: 403 }, /does not know the key of this log; give it the newest public key/],
    [{ status: 404 }, /does not know this log; ask its operator to add its origin/],
    [{ status: 422 }, /found that the log did not only grow/],
    [{ status: 500 }, /answered 500\.$/],
    [
      { status: 409, type: 'text/x.tlog.size', body: '1000\n' },
      /has signed this log at 1000 events, and it has 5: .* older backup/,
    ],
    [{ status: 409, type: 'text/plain', body: '3\n' }, /has signed another log of 5 events/],
    [{ status: 409, type: 'text/x.tlog.size', body: '5\n' }, /has signed another log of 5 events under this origin/],
    [{ status: 200, body: '' }, /answered with no signature of its key [0-9a-f]{8} that holds/],
    [{ status: 200, body: 'yes\n' }, /answered with no signature/],
    [{ status: 200, body: wrongLine }, /answered with no signature/],
    [{ status: 200, body: other.cosign(`${note.split('\n\n')[0]}\n`) }, /answered with no signature/],
    [{ status: 200, body: 'x'.repeat(100_000) }, /answered with more than 64 KiB/],
  ] as [Answer, RegExp][]) {
    witness.forced = forced;
    await assert.rejects(direct.send(kept, new AbortController().signal), said);
  }
  assert.equal(world.checkpoints.at(size)?.keyIds.length, 1, 'nothing of it was kept');
  witness.forced = undefined;
  witness.ahead = 3600;
  await assert.rejects(direct.send(kept, new AbortController().signal), /answered with no signature/);
});

test('lines of unknown keys beside its own are ignored', async (t) => {
  const watched = await watch(t);
  const { world, witness, publication } = watched;
  await publication.close();
  const size = await signMore(world, 5);
  const kept = world.checkpoints.at(size);
  assert.ok(kept);
  const signed = `${kept.note.split('\n\n')[0]}\n`;
  const own = witness.cosign(signed);
  witness.forced = { status: 200, body: `${new Witness('witness.example/other').cosign(signed)}${own}` };
  await createWitness({ url: witness.url, vkey: witness.vkey }, world.checkpoints).send(
    kept,
    new AbortController().signal,
  );
  assert.equal(world.checkpoints.at(size)?.note, `${kept.note}${own}`);
});

test('of many signatures of one witness one is kept, so that none makes a checkpoint too long to be read', async (t) => {
  const { world, witness, publication } = await watch(t);
  await publication.close();
  const size = await signMore(world, 5);
  const kept = world.checkpoints.at(size);
  assert.ok(kept);
  const signed = `${kept.note.split('\n\n')[0]}\n`;
  const lines = Array.from({ length: 300 }, (_, i) => witness.cosign(signed, 1 + Math.abs(i - 150)));
  const direct = createWitness({ url: witness.url, vkey: witness.vkey }, world.checkpoints);
  const { signal } = new AbortController();
  for (const part of [lines.slice(50), lines.slice(0, 200), lines.slice(100, 102)]) {
    witness.forced = { status: 200, body: part.join('') };
    await direct.send(kept, signal);
  }
  assert.equal(world.checkpoints.at(size)?.note, `${kept.note}${lines[150]}`, 'the newest of the first answer');
  await world.close();
  await CheckpointWorld.open(t, world.folder);
});

test('a log that was rewritten is cosigned no more, by a witness that saw it before', async (t) => {
  const watched = await watch(t);
  const { world, witness, publication } = watched;
  const size = await signMore(world, 5);
  await until('it is cosigned', () => isCosigned(watched, size));
  await publication.close();
  // Another journal signs under the same name, with the same key: the operator can do that, and this is what a witness is for.
  witness.seen.set(world.journal.log, { size: 5, root: sha256().toString('base64') });
  const kept = { size: await signMore(world, 1), note: world.checkpoints.newest()?.note ?? '' };
  const direct = createWitness({ url: witness.url, vkey: witness.vkey }, world.checkpoints);
  await assert.rejects(direct.send(kept, new AbortController().signal), /found that the log did not only grow/);
});

test('after a rotation a witness that knows the old key takes the checkpoint with both, and the next with the new key', async (t) => {
  const watched = await watch(t);
  const { world, witness, said } = watched;
  await signMore(world, 5);
  const { checkpoint, new: vkey } = await world.checkpoints.rotate('carol');
  await until('it is cosigned', () => isCosigned(watched, checkpoint.size));
  const next = await signMore(world, 5);
  await until('the new key is not known', () => said.some((message) => message.includes('(403)')));
  witness.logs.get(world.journal.log)?.push(vkey);
  await until('it is cosigned', () => isCosigned(watched, next));
});

test('several witnesses sign the same checkpoint at the same time', async (t) => {
  const world = await CheckpointWorld.open(t);
  const witnesses = Array.from({ length: 4 }, (_, i) => new Witness(`witness.example/w${i}`));
  for (const witness of witnesses) {
    await witness.start(t);
    witness.logs.set(
      world.journal.log,
      world.checkpoints.keys().map(({ vkey }) => vkey),
    );
  }
  publish(t, world, witnesses, []);
  const size = await signMore(world, 300);
  const all = witnesses.map(({ vkey }) => vkey);
  await until('all have signed', () => world.checkpoints.at(size)?.keyIds.length === 5);
  assert.equal(CheckpointWorld.signers(world.checkpoints.at(size)?.note ?? '', all).length, 4);
});

test('a journal that lacks a tile is told as the problem of whom a proof cannot be sent, and all else goes on', async (t) => {
  const watched = await watch(t);
  const { world, witness, publication, said } = watched;
  const first = await signMore(world, 300);
  await until('it is cosigned', () => isCosigned(watched, first));
  await world.grow(300);
  const tiles = `${world.folder}/tiles.sqlite`;
  tamper(world.folder, `ATTACH '${tiles}' AS kept; CREATE TABLE kept.tiles AS SELECT * FROM tiles; DELETE FROM tiles`);
  await world.checkpoints.current();
  await until('it is told', () => said.length > 0);
  const problem = /^The tile tile\/0\/001 of the journal is not there\. Restore the data folder from a backup/;
  assert.match(said[0] ?? '', problem);
  assert.match(publication.status[0]?.problem ?? '', problem);
  assert.equal(witness.requests.length, 1);
  tamper(world.folder, `ATTACH '${tiles}' AS kept; INSERT OR IGNORE INTO tiles SELECT * FROM kept.tiles`);
  const last = await signMore(world, 1);
  await until('it is cosigned', () => isCosigned(watched, last));
  assert.equal(publication.status[0]?.problem, undefined);
});

test('a courier that cannot read what was sent says so, and goes on when it can', async (t) => {
  const watched = await watch(t);
  const { world, publication, said } = watched;
  const { reader } = world.checkpoints;
  const first = await signMore(world, 3);
  await until('it is cosigned', () => isCosigned(watched, first));
  tamper(world.folder, 'ALTER TABLE checkpoint_deliveries RENAME TO elsewhere');
  const next = await signMore(world, 3);
  await until('it is told', () => said.length > 2);
  assert.match(
    said[0] ?? '',
    /^A checkpoint cannot be sent to the witness witness\.example\/w1: the journal cannot be read \(/,
  );
  tamper(world.folder, 'ALTER TABLE elsewhere RENAME TO checkpoint_deliveries');
  await until('it is cosigned', () => isCosigned(watched, next));
  await until('it is well', () => publication.status[0]?.problem === undefined);
  assert.equal(reader.lastSent(`witness ${watched.witness.name}`)?.size, next);
});
