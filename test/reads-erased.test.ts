// What was typed into a question about one object: it goes with the retention of questions, and with whoever it names.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { localAccess } from '../api/access/access.ts';
import { previewErasure } from '../api/erasing.ts';
import { applyRetention, previewRetention } from '../api/retaining.ts';
import { ANN, BOB, CID, CONFIGURATION, ErasureWorld, REASON } from './erasure-world.ts';
import { check } from './verify-world.ts';

const DAY = 86_400_000_000;
const RETAINED = `${CONFIGURATION}retention: { reads: 30 days }\n`;

/** Annabel is gone, the others are there; nobody has asked anything. */
async function openWithLeaver(t: TestContext) {
  const world = await ErasureWorld.open(t, RETAINED);
  await world.employ(ANN, BOB, CID);
  await world.employ({ ...BOB, manager: '' }, CID);
  const ids = { ann: await world.objectOf(ANN.name), bob: await world.objectOf(BOB.name) };
  return { world, ...ids };
}

const CHANGES =
  'query ($object: ID!, $value: String) { changes(filter: { object: $object, value: $value }) { watermark } }';

async function askAbout(world: ErasureWorld, object: string, value: string): Promise<void> {
  const { errors } = await world.installation.ask(CHANGES, { object, value }, localAccess('auditor'));
  assert.equal(errors, undefined);
}

/** Of each question, who asked it about whom, and what of its parameters is still there; a page has 50 unless it is said. */
async function questionsOf(world: ErasureWorld) {
  const asked = (await world.events()).filter(({ stage }) => stage === 'read');
  return asked.map(({ initiator, object, values }) => [
    initiator,
    object,
    values
      .filter(({ attribute, new: text }) => attribute.startsWith('parameter/') && text && text !== '50')
      .map((value) => value.new),
  ]);
}

async function assertVerified(world: ErasureWorld): Promise<void> {
  await world.close();
  const report = await check(world.data);
  assert.deepEqual([report.faults, report.gaps, report.unchecked], [[], [], []]);
}

test('the text typed into a question about one object goes with the retention of questions', async (t) => {
  const { world, bob } = await openWithLeaver(t);
  await askAbout(world, bob, ANN.name);
  assert.deepEqual(await questionsOf(world), [['auditor', bob, [bob, ANN.name]]]);
  const later = Date.now() * 1000 + 40 * DAY;
  assert.equal((await previewRetention(world.installation, later)).reads, 1);
  await applyRetention(world.installation, { who: REASON.who, by: REASON.by }, later);
  assert.deepEqual(await questionsOf(world), [['auditor', bob, [bob]]]);
  assert.equal((await previewRetention(world.installation, later)).reads, 0);
  await assertVerified(world);
});

test('who is erased is erased from questions about somebody else, and all that was typed into questions about them goes', async (t) => {
  const { world, ann, bob } = await openWithLeaver(t);
  await askAbout(world, bob, `is it ${ANN.name}?`);
  await askAbout(world, bob, CID.name);
  await askAbout(world, ann, 'hr-clerk');
  await world.installation.ask('query ($id: ID!) { object(id: $id) { name } }', { id: ann }, localAccess('auditor'));
  const flow = (await world.events()).find(({ object, stage }) => object === ann && stage === 'import-flow');
  await world.installation.ask(`{ change(sequence: ${flow?.sequence}) { stage } }`, {}, localAccess('auditor'));
  const { keys, actors } = await previewErasure(world.installation, { object: ann });
  assert.equal(keys.read, 3);
  // Whose changes of hers somebody asked for is not her.
  assert.deepEqual(actors, ['CORP\\E-1001']);
  await world.erase(ann);
  await world.installation.log.eraser.settle();
  assert.deepEqual(await questionsOf(world), [
    ['auditor', bob, [bob]],
    ['auditor', bob, [bob, CID.name]],
    ['auditor', ann, []],
    ['auditor', ann, []],
    ['auditor', ann, []],
  ]);
  await assertVerified(world);
});

test('a name that was asked for since the erasure keeps the certificate back until another erasure takes the question', async (t) => {
  const { world, ann } = await openWithLeaver(t);
  const { event } = await world.erase(ann);
  await world.installation.ask(
    'query ($name: String) { objects(search: $name) { id } }',
    { name: ANN.name },
    localAccess('auditor'),
  );
  const { eraser } = world.installation.log;
  const certify = () => eraser.certify(event, { who: REASON.who, by: REASON.by, folders: [], backups: [] });
  await assert.rejects(certify(), /What was erased by event \d+ is still in /);
  assert.equal((await world.erase(ann, [ANN.name])).plan.keys.read, 1);
  assert.equal((await certify()).erasure, event);
});
