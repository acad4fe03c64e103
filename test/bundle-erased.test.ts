// A bundle beside an erasure that ClickHouse has not been emptied of, or that is accepted while the bundle is made: it holds
// nothing of who is erased, and accuses nobody.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { pino } from 'pino';
import { localAccess } from '../api/access/access.ts';
import { readBundleRows } from '../api/bundle-rows.ts';
import { createHttpApplication, listen } from '../api/http/server.ts';
import { announceService, withdrawService } from '../api/running-service.ts';
import { SignIn } from '../api/sign-in.ts';
import { exportBundle } from '../ingest/bundle/export-bundle.ts';
import { LogError } from '../ingest/errors.ts';
import { checkBundle } from './bundle-world.ts';
import { ANN, BOB, CID, ErasureWorld } from './erasure-world.ts';
import { makeFolder } from './ingest-world.ts';
import { startProgram } from './run-program.ts';

/** The texts in the files of a folder, unpacked. */
function textOf(folder: string): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const read = ({ parentPath, name }: { parentPath: string; name: string }) =>
    readFileSync(path.join(parentPath, name));
  return files.map((file) => (file.name.endsWith('.gz') ? gunzipSync(read(file)) : read(file)).toString()).join('\n');
}

const isOfAnn = (text: string) => text.includes(ANN.name) || text.includes(ANN.id);

/** Ann was there and has left. */
async function openWorld(t: TestContext): Promise<{ world: ErasureWorld; ann: string }> {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, BOB, CID);
  await world.employ({ ...BOB, manager: '', by: 'hr-clerk' }, CID);
  return { world, ann: await world.objectOf(ANN.name) };
}

function makeAt(world: ErasureWorld, target: string, range: { to?: number } = {}, afterRows = async () => {}) {
  return exportBundle({
    dataFolder: world.data,
    target,
    ...range,
    async readRows(first, end) {
      const rows = await readBundleRows(world.installation, localAccess('auditor'), first, end);
      await afterRows();
      return rows;
    },
  });
}

test('a bundle that is made right after an erasure has nothing of the person, and is verified', async (t) => {
  const { world, ann } = await openWorld(t);
  const { event } = await world.erase(ann);
  await world.installation.log.checkpoints.current();
  const folder = path.join(makeFolder(t), 'bundle');
  await makeAt(world, folder);
  const { faults, unchecked, gaps, erased } = await checkBundle(folder);
  assert.deepEqual([faults, unchecked, gaps], [[], [], []]);
  assert.deepEqual(
    erased.map(({ by }) => by),
    [event],
  );
  assert.ok(textOf(folder).includes(CID.name), 'the rows are looked at');
  assert.equal(isOfAnn(textOf(folder)), false);
});

test('metatrail bundle has the running service sign for an erasure that no checkpoint covers, and empty ClickHouse', async (t) => {
  const { world, ann } = await openWorld(t);
  const { checkpoints } = world.installation.log;
  await checkpoints.current();
  await serve(t, world);
  const { event } = await world.erase(ann);
  assert.ok((checkpoints.newest()?.size ?? 0) <= event, 'nothing is signed for it yet');
  const folder = path.join(makeFolder(t), 'bundle');
  const made = await startProgram({ METATRAIL_DATA: world.data }, 'bundle', folder).ended;
  assert.equal(made.status, 0, made.said);
  const { status, said } = await startProgram({}, 'verify', '--offline', folder).ended;
  assert.equal(status, 0, said);
  assert.match(said, new RegExp(`^Erased by event ${event}: \\d+ commitments`, 'm'));
  assert.equal(isOfAnn(textOf(folder)), false);
});

/** The commands find this process as the service of the world's data folder. */
async function serve(t: TestContext, { installation, data, folder }: ErasureWorld): Promise<void> {
  const signIn = new SignIn(installation.log.journal);
  const logger = pino({ level: 'silent' });
  const web = { webFolder: folder, publicLog: false, notReady: () => undefined };
  const server = await listen(createHttpApplication({ installation, signIn, logger, ...web }), '127.0.0.1', 0);
  const { port } = server.address() as AddressInfo;
  announceService(data, { url: `http://127.0.0.1:${port}/`, token: signIn.commandLineToken, pid: process.pid });
  t.after(() => {
    withdrawService(data);
    server.closeAllConnections();
    server.close();
  });
}

for (const part of ['whole', 'part'])
  test(`a bundle of a ${part} is refused when somebody in it is erased while it is made, and nothing is left of it`, async (t) => {
    const { world, ann } = await openWorld(t);
    const { checkpoints } = world.installation.log;
    const { size } = await checkpoints.current();
    const range: { to?: number } = part === 'part' ? { to: size - 1 } : {};
    const target = path.join(makeFolder(t), 'bundle');
    let event = 0;
    const making = makeAt(world, target, range, async () => {
      event = (await world.erase(ann)).event;
    });
    await assert.rejects(making, (error) => {
      assert.ok(error instanceof LogError && error.retryable);
      assert.equal(error.code, 'bundle-refused');
      const said = new RegExp(`^Event ${event} erased somebody in these events while the bundle was made`);
      assert.match(error.message, said);
      return true;
    });
    assert.deepEqual(readdirSync(target), []);
    await checkpoints.current();
    await makeAt(world, target, range);
    const { faults, unchecked, gaps } = await checkBundle(target);
    assert.deepEqual([faults, unchecked], [[], []]);
    assert.equal(isOfAnn(textOf(target)), false);
    // What erased somebody in a part comes after it.
    const isLater = gaps.some(({ kind }) => kind === 'erased-later');
    assert.equal(isLater, part === 'part');
  });

test('an erasure that no checkpoint covers is not left out of a whole bundle without a word', async (t) => {
  const { world, ann } = await openWorld(t);
  const { size } = await world.installation.log.checkpoints.current();
  const { event } = await world.erase(ann);
  assert.ok(event >= size);
  await assert.rejects(makeAt(world, path.join(makeFolder(t), 'bundle')), {
    code: 'bundle-refused',
    message: new RegExp(`^Event ${event} erased somebody in these events .* after the newest checkpoint`),
  });
});
