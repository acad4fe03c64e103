// A mutation with a key is carried out once: sent twice, sent twice at the same moment, and sent again after a restart.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { localAccess } from '../api/access/access.ts';
import { Sessions } from '../api/access/sessions.ts';
import { ANSWERS } from '../api/graphql/idempotency.ts';
import { schema } from '../api/graphql/schema.ts';
import { Once } from '../api/mutations/once.ts';
import { formatIso, systemClock } from '../ingest/clock.ts';
import { ANN, BOB, CID, CONFIGURATION, ErasureWorld } from './erasure-world.ts';
import { EVERY_MUTATION, fillIn, raiseOccurrence } from './every-mutation.ts';

const RETAINED = `${CONFIGURATION}retention: { reads: 30 days }\n`;
const DAY_MS = 86_400_000;

async function openWithLeaver(t: TestContext): Promise<ErasureWorld> {
  const world = await ErasureWorld.open(t, RETAINED);
  await world.employ(ANN, BOB, CID);
  await world.employ({ ...BOB, manager: '' }, CID);
  return world;
}

interface Told {
  data: unknown;
  errors: (readonly [string, unknown])[];
}

async function mutate(world: ErasureWorld, text: string, viewer = 'Dora'): Promise<Told> {
  const { data, errors } = await world.installation.ask(`mutation ${text}`, {}, localAccess(viewer));
  return {
    data: JSON.parse(JSON.stringify(data ?? null)),
    errors: (errors ?? []).map(({ message, extensions }) => [message, extensions.code] as const),
  };
}

const withKey = (text: string, key: string) =>
  text.includes('(')
    ? text.replace('(', `(idempotencyKey: ${JSON.stringify(key)}, `)
    : text.replace(/\{ (\w+)/, `{ $1(idempotencyKey: ${JSON.stringify(key)})`);

/** The events since, without those of who asked. */
const eventsSince = async (world: ErasureWorld, size: number) =>
  (await world.events()).filter(({ sequence, stage }) => sequence >= size && stage !== 'read');

test('what is kept of an answer is said for every mutation of the schema', () => {
  assert.deepEqual(Object.keys(ANSWERS).sort(), Object.keys(schema.getMutationType()?.getFields() ?? {}).sort());
});

test('every mutation with a key is carried out once, at the same moment, later and after a restart, and answers the same', {
  timeout: 300_000,
}, async (t) => {
  const world = await openWithLeaver(t);
  const { journal } = world.installation.log;
  const sessions = new Sessions(journal);
  await journal.accept(() => ({ events: [], state: sessions.begin(localAccess('Eve'), 'link', undefined).state }));
  const given = {
    ANN: await world.objectOf(ANN.name),
    BOB: await world.objectOf(BOB.name),
    SESSION: sessions.list()[0]?.id ?? '',
    OCCURRENCE: await raiseOccurrence(journal),
    TOMORROW: formatIso(systemClock() + DAY_MS * 1000),
  };
  const answered = new Map<string, Told>();
  let done = 0;
  let secret = '';
  for (const [field, attempt] of Object.entries(EVERY_MUTATION)) {
    if (field === 'applyRetention') continue;
    const text = withKey(fillIn(attempt.done, { ...given, DONE: String(done) }), `key of ${field}`);
    const { size } = world.installation.log.journal;
    const both = await Promise.all([mutate(world, text), mutate(world, text)]);
    const left = await eventsSince(world, size);
    done = left[0]?.sequence ?? assert.fail(`${field}: ${JSON.stringify(both)}`);
    const [first] = both;
    const again = await mutate(world, text);
    assert.deepEqual((await eventsSince(world, size)).length, left.length, field);
    if (field === 'createToken') {
      secret = /mtt_[\w-]+/.exec(JSON.stringify(first))?.[0] ?? assert.fail(JSON.stringify(first));
      assert.deepEqual([again.data, again.errors[0]?.[1]], [{ createToken: { secret: null } }, 'TOLD_ONCE']);
    } else assert.deepEqual([again, first.errors], [first, []], field);
    assert.deepEqual(both[1], again, field);
    answered.set(text, again);
  }
  await world.reopen();
  const { size } = world.installation.log.journal;
  for (const [text, before] of answered) assert.deepEqual(await mutate(world, text), before, text);
  assert.deepEqual(await eventsSince(world, size), []);
  // Neither the token, nor the name of whoever was erased.
  for (const file of ['metatrail.sqlite', 'metatrail.sqlite-wal'])
    assert.doesNotMatch(readFileSync(join(world.data, file), 'latin1'), new RegExp(secret));
});

test('a repetition is a read: it tells again what was done', async (t) => {
  const world = await openWithLeaver(t);
  const text = withKey('{ addHold(who: "counsel", why: "case 12") { id } }', 'k');
  await mutate(world, text);
  const { size } = world.installation.log.journal;
  await mutate(world, text);
  const [read, ...others] = (await world.events()).filter(({ sequence }) => sequence >= size);
  assert.deepEqual([read?.stage, read?.outcome, read?.initiator, others], ['read', 'answered', 'Dora', []]);
});

test('a key is refused for other arguments and for another mutation, and belongs to whoever chose it', async (t) => {
  const world = await openWithLeaver(t);
  const hold = (why: string, viewer?: string) =>
    mutate(world, withKey(`{ addHold(who: "counsel", why: "${why}") { id why } }`, 'k'), viewer);
  await hold('case 12');
  const other = await hold('case 13');
  assert.deepEqual(other.errors, [
    [
      'This idempotencyKey was given to another mutation or with other arguments before; take another one for this addHold.',
      'BAD_USER_INPUT',
    ],
  ]);
  const run = await mutate(world, withKey('{ run(agent: "hr", profile: "full") { id } }', 'k'));
  assert.match(run.errors[0]?.[0] ?? '', /was given to another mutation .* take another one for this run/);
  assert.deepEqual((await hold('case 13', 'Eve')).errors, []);
});

test('what was refused and did nothing may be asked again with its key', async (t) => {
  const world = await openWithLeaver(t);
  const remove = () => mutate(world, withKey('{ removeHold(id: 0, who: "counsel", why: "closed") { id } }', 'k'));
  assert.equal((await remove()).errors[0]?.[1], 'HOLD_UNKNOWN');
  assert.equal((await remove()).errors[0]?.[1], 'HOLD_UNKNOWN');
  const add = await mutate(world, withKey('{ addHold(who: "counsel", why: "case 12") { why } }', 'k'));
  assert.deepEqual(add, { data: { addHold: { why: 'case 12' } }, errors: [] });
});

test('a run says who started it and why, as the argument or else the header says', async (t) => {
  const world = await openWithLeaver(t);
  const reasonOf = async (text: string, reason?: string) => {
    const { size } = world.installation.log.journal;
    const asker = { ...localAccess('Dora'), ...(reason !== undefined && { reason }) };
    const { errors } = await world.installation.ask(`mutation { run(${text}) { id } }`, {}, asker);
    const [first] = await eventsSince(world, size);
    const told = first?.values.find(({ attribute }) => attribute === 'reason')?.new;
    return [first?.operation, first?.initiator, told, errors?.[0]?.message];
  };
  const hr = 'agent: "hr", profile: "full"';
  assert.deepEqual(await reasonOf(`${hr}, why: " late file "`, 'ticket 7'), ['start', 'Dora', 'late file', undefined]);
  assert.deepEqual(await reasonOf(hr, 'ticket 7'), ['start', 'Dora', 'ticket 7', undefined]);
  assert.deepEqual(await reasonOf(hr), ['start', 'Dora', undefined, undefined]);
  assert.match(String((await reasonOf(`${hr}, why: "${'x'.repeat(501)}"`))[3]), /^why has 501 characters/);
});

test('a key that is empty, too long or not of one line is refused with a sentence', async (t) => {
  const world = await openWithLeaver(t);
  for (const key of ['', 'k'.repeat(201), 'a\nb', '\u0000'])
    assert.deepEqual((await mutate(world, withKey('{ addHold(who: "counsel", why: "x") { id } }', key))).errors, [
      ['idempotencyKey is 1 to 200 characters of one line, chosen at random, such as a UUID.', 'BAD_USER_INPUT'],
    ]);
  assert.deepEqual(
    (await mutate(world, '{ addHold(who: "counsel", why: "x", idempotencyKey: null) { why } }')).errors,
    [],
  );
});

test('a key is kept for a day, and gone after it', async (t) => {
  const world = await openWithLeaver(t);
  const text = withKey('{ addHold(who: "counsel", why: "case 12") { id } }', 'k');
  const other = withKey('{ addHold(who: "counsel", why: "case 13") { id } }', 'l');
  const [first, second] = [await mutate(world, text), await mutate(world, other)];
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + DAY_MS - 60_000 });
  assert.deepEqual(await mutate(world, text), first);
  t.mock.timers.setTime(Date.now() + 120_000);
  assert.notDeepEqual(await mutate(world, text), first);
  assert.equal(world.installation.log.journal.state.keys('idempotency').length, 1);
  assert.notDeepEqual(await mutate(world, other), second);
});

test('what was begun and never answered is not done again: its event is known since the commit that it came with', async (t) => {
  const world = await openWithLeaver(t);
  const keyed = { viewer: 'Dora', key: 'k', mutation: 'applyRetention', arguments: { who: 'records office' } };
  const { journal } = world.installation.log;
  const lost = new Once(journal).carryOut(
    keyed,
    async () => {
      // Somebody else's, and one of nobody: nothing rides on these.
      await journal.accept(() => ({ events: [anEvent('Eve')], state: [] }));
      await journal.accept(() => ({ events: [anEvent('Dora')], state: [] }));
      throw new Error('The process dies here.');
    },
    () => 'never',
  );
  await assert.rejects(lost, /dies here/);
  const event = journal.size - 1;
  await world.reopen();
  const again = await mutate(world, withKey('{ applyRetention(who: "records office") { reads } }', 'k'));
  assert.equal(again.errors[0]?.[1], 'ALREADY_DONE');
  assert.match(again.errors[0]?.[0] ?? '', new RegExp(`as event ${event} says`));
});

const anEvent = (initiator: string) => ({
  occurredAt: systemClock(),
  occurredAtKnown: 'observed' as const,
  stage: 'retention' as const,
  operation: 'none' as const,
  outcome: 'nothing-done',
  values: [],
  initiator,
  initiatorKnown: 'reported' as const,
  causes: [],
  outOfBand: false,
});
