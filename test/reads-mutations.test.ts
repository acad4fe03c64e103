// A mutation that was carried out left an event of its own; every other one is a read, for a refusal tells something too.

import assert from 'node:assert/strict';
import { mkdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { localAccess } from '../api/access/access.ts';
import { Sessions } from '../api/access/sessions.ts';
import { schema } from '../api/graphql/schema.ts';
import { MARKS } from '../ingest/event.ts';
import { ANN, BOB, CID, CONFIGURATION, ErasureWorld } from './erasure-world.ts';
import { EVERY_MUTATION, fillIn, raiseOccurrence } from './every-mutation.ts';

const RETAINED = `${CONFIGURATION}retention: { reads: 30 days }\n`;
const FORTY_DAYS = 40 * 86_400_000;

/** Annabel is gone, the others are there. */
async function openWithLeaver(t: TestContext): Promise<ErasureWorld> {
  const world = await ErasureWorld.open(t, RETAINED);
  await world.employ(ANN, BOB, CID);
  await world.employ({ ...BOB, manager: '' }, CID);
  return world;
}

/** What a mutation answers, and the events accepted meanwhile. */
async function mutate(world: ErasureWorld, text: string, variables: Record<string, unknown> = {}) {
  const { size } = world.installation.log.journal;
  const { data, errors } = await world.installation.ask(`mutation ${text}`, variables, localAccess('auditor'));
  const since = (await world.events()).filter(({ sequence }) => sequence >= size);
  const reads = since.filter(({ stage }) => stage === 'read');
  return {
    data: JSON.parse(JSON.stringify(data ?? null)) as unknown,
    errors,
    reads,
    others: since.filter((event) => !reads.includes(event)),
  };
}

type Mutated = Awaited<ReturnType<typeof mutate>>;

const questionOf = ({ values }: Mutated['reads'][number]) =>
  values.find(({ attribute }) => attribute === 'question')?.new;

test('each mutation of the schema is one event: that of what it did, or a read where it did nothing', async (t) => {
  const fields = Object.keys(schema.getMutationType()?.getFields() ?? {});
  assert.deepEqual(fields.sort(), Object.keys(EVERY_MUTATION).sort(), 'a new mutation needs its line here');
  const world = await openWithLeaver(t);
  const [ann, bob] = [await world.objectOf(ANN.name), await world.objectOf(BOB.name)];
  const nextKey = join(world.data, 'checkpoint-key.next');
  const { journal } = world.installation.log;
  const sessions = new Sessions(journal);
  await journal.accept(() => ({ events: [], state: sessions.begin(localAccess('Dora'), 'link', undefined).state }));
  const given = {
    ANN: ann,
    BOB: bob,
    SESSION: sessions.list()[0]?.id ?? '',
    OCCURRENCE: await raiseOccurrence(journal),
    TOMORROW: new Date(Date.now() + 86_400_000).toISOString(),
  };
  let done = 0;
  for (const [field, attempt] of Object.entries(EVERY_MUTATION)) {
    const text = (template: string) => fillIn(template, { ...given, DONE: String(done) });
    // There a key that is taken cannot be kept.
    mkdirSync(nextKey);
    const refused = await mutate(world, text(attempt.refused));
    rmdirSync(nextKey);
    assert.deepEqual(refused.others, [], field);
    assert.deepEqual(
      refused.reads.map((read) => [questionOf(read), read.outcome, read.error, read.initiator]),
      [[field, field === 'rotateCheckpointKey' ? 'failed' : 'refused', attempt.error, 'auditor']],
    );
    if (field === 'applyRetention') t.mock.timers.enable({ apis: ['Date'], now: Date.now() + FORTY_DAYS });
    const carried = await mutate(world, text(attempt.done));
    assert.equal(carried.errors, undefined, `${field}: ${carried.errors?.[0]?.message}`);
    assert.deepEqual(carried.reads, [], field);
    assert.ok(
      carried.others.some(({ initiator, performer }) => [initiator, performer].includes('auditor')),
      field,
    );
    done = carried.others[0]?.sequence ?? done;
  }
});

test('a refused mutation is recorded with who asked, about whom and with what; several of one request are several', async (t) => {
  const world = await openWithLeaver(t);
  const bob = await world.objectOf(BOB.name);
  const { data, reads } = await mutate(
    world,
    `($bob: ID!) {
      first: addHold(object: $bob, who: "counsel", why: "case 12") { id }
      again: erase(object: $bob, who: "officer", why: "request 4711", names: ["Barty"]) { event }
      certifyErasure(erasure: 3, who: "officer", names: ["Barty"], folders: ["/srv/archive"]) { event }
    }`,
    { bob },
  );
  assert.equal(data, null);
  assert.deepEqual(
    reads.map((read) => [questionOf(read), read.object]),
    [
      ['erase', bob],
      ['certifyErasure', undefined],
    ],
  );
  const given = reads.map(({ values }) =>
    values
      .filter(({ attribute }) => attribute.startsWith('parameter/'))
      .map(({ attribute, type, new: text, marks, rule }) => [attribute, type, text, marks, rule])
      .sort(),
  );
  const personal = MARKS.personal;
  assert.deepEqual(given, [
    [
      ['parameter/names', 'string', '["Barty"]', personal, undefined],
      ['parameter/object', 'reference', bob, personal, undefined],
      ['parameter/who', 'string', 'officer', personal, undefined],
      ['parameter/why', 'string', 'request 4711', personal, undefined],
    ],
    [
      ['parameter/erasure', 'integer', '3', personal, undefined],
      ['parameter/folders', 'string', '["/srv/archive"]', personal, undefined],
      ['parameter/names', 'string', '', personal, 'secret-withheld'],
      ['parameter/who', 'string', 'officer', personal, undefined],
    ],
  ]);
});

test('an erasure that was refused at first is certified: what was said of it in vain is nobody’s name', async (t) => {
  const world = await ErasureWorld.open(t, RETAINED);
  await world.employ(ANN, BOB, CID);
  const ann = await world.objectOf(ANN.name);
  const erase = () =>
    mutate(world, '($ann: ID!) { erase(object: $ann, who: "privacy officer", why: "article 17") { event } }', { ann });
  const refused = await erase();
  assert.deepEqual(
    refused.reads.map((read) => [questionOf(read), read.object, read.outcome]),
    [['erase', ann, 'refused']],
  );
  await world.employ({ ...BOB, manager: '' }, CID);
  const [erased] = (await erase()).others;
  assert.ok(erased);
  const { errors } = await mutate(
    world,
    `{ certifyErasure(erasure: ${erased.sequence}, who: "privacy officer") { event } }`,
  );
  assert.equal(errors, undefined, errors?.[0]?.message);
});

test('where nothing has expired, to let it go is a read: it tells what there is', async (t) => {
  const world = await openWithLeaver(t);
  const { reads, others } = await mutate(world, '{ applyRetention(who: "records office") { reads remains } }');
  assert.deepEqual(others, []);
  assert.deepEqual(
    reads.map((read) => [questionOf(read), read.outcome]),
    [['applyRetention', 'answered']],
  );
});

test('a certificate that was refused is issued when what stood in its way is gone: the names are in no event', async (t) => {
  const world = await openWithLeaver(t);
  const { event } = await world.erase(await world.objectOf(ANN.name));
  await world.reopen();
  const archive = join(world.folder, 'archive');
  mkdirSync(archive);
  writeFileSync(join(archive, 'list.txt'), `${ANN.name}\n`);
  const certify = () =>
    mutate(
      world,
      `($names: [String!], $folders: [String!]) {
        certifyErasure(erasure: ${event}, who: "officer", names: $names, folders: $folders) { names }
      }`,
      { names: [ANN.name], folders: [archive] },
    );
  const refused = await certify();
  assert.match(refused.errors?.[0]?.message ?? '', /list\.txt/);
  assert.deepEqual(refused.reads.map(questionOf), ['certifyErasure']);
  assert.doesNotMatch(JSON.stringify(await world.events()), new RegExp(ANN.name));
  rmSync(join(archive, 'list.txt'));
  const issued = await certify();
  assert.deepEqual([issued.errors, issued.data, issued.reads], [undefined, { certifyErasure: { names: 1 } }, []]);
});
