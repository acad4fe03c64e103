// Every change of a company's half year as OCSF, held against the schema, and what must be told of single changes.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Role } from '../api/access/access.ts';
import { prepareTelling, type ToldEvent, tell } from '../api/feeds/told-events.ts';
import { findOnwards } from '../api/queries/onwards.ts';
import type { ProposedEvent } from '../ingest/event.ts';
import { MARKS } from '../ingest/event.ts';
import { ApiWorld, liveHalfAYear } from './api/world.ts';
import { assertOcsf, faultsOf, type OcsfBody } from './ocsf-schema.ts';

let world: ApiWorld;
before(async () => {
  world = await ApiWorld.open();
  await liveHalfAYear(world);
});
after(() => world.close());

interface Mapped extends ToldEvent {
  body: OcsfBody;
}

async function mapAll(roles: readonly Role[] = ['auditor'], integrity = false, reason?: string): Promise<Mapped[]> {
  const context = world.installation.context({ viewer: 'a test', roles, reason });
  const mapped: Mapped[] = [];
  for (let from = 0; from < context.queries.watermark; ) {
    const page = await findOnwards(context.queries, {}, { from, first: 1000 });
    const told = await prepareTelling(context, page.events, integrity);
    for (const event of tell('ocsf', page.events, told)) {
      const { body } = event;
      assertOcsf(body);
      mapped.push({ ...event, body });
    }
    from = page.next;
  }
  return mapped;
}

/** What one more event is told as. */
async function mapOne(event: Partial<ProposedEvent> & Pick<ProposedEvent, 'stage' | 'outcome'>): Promise<OcsfBody[]> {
  const sequence = await world.accept(event);
  const mapped = await mapAll();
  return mapped.filter(({ change }) => change.sequence === sequence).map(({ body }) => body);
}

test('the check of the schema finds what is missing, unknown, out of its numbers or of another type', async () => {
  const [first] = await mapAll();
  assert.ok(first);
  const { metadata: _, ...without } = first.body;
  const wrong: [Record<string, unknown>, RegExp][] = [
    [without, /metadata! is missing/],
    [{ ...first.body, colour: 'red' }, /colour is no attribute/],
    [{ ...first.body, severity_id: 7 }, /severity_id is 7/],
    [{ ...first.body, time: 1e15 }, /time is no time/],
    [{ ...first.body, activity_id: 55 }, /activity 55/],
    [{ ...first.body, actor: {} }, /actor\. has none of/],
    [{ ...first.body, metadata: { ...first.body.metadata, product: 'Metatrail' } }, /product is no object/],
  ];
  for (const [body, fault] of wrong) assert.match(faultsOf(body).join('; '), fault);
});

test('every change is told, in the order of the log, and each of its events has an id of its own', async () => {
  const mapped = await mapAll();
  const changes = world.events().filter(({ stage }) => stage !== 'read');
  assert.deepEqual(
    [...new Set(mapped.map(({ change }) => change.sequence))],
    changes.map(({ sequence }) => sequence),
  );
  assert.equal(new Set(mapped.map(({ uid }) => uid)).size, mapped.length);
  assert.ok(mapped.every(({ uid, body }) => uid === body.metadata.uid));
  const classes = new Set(mapped.map(({ body }) => body.class_uid));
  assert.deepEqual([...classes].sort(), [3001, 3004, 3006]);
});

test('every value of a change stands in exactly one of its events, with what it was and is', async () => {
  const mapped = Map.groupBy(await mapAll(['investigator'], false, 'a test'), ({ change }) => change.sequence);
  for (const { sequence, values } of world.events().filter(({ stage }) => stage !== 'read')) {
    const told = (mapped.get(sequence) ?? []).flatMap(({ body }) => body.unmapped.values as Record<string, unknown>[]);
    const inOrder = (each: unknown[]) => each.map((value) => JSON.stringify(value)).sort();
    const expected = values.map(({ setBy, ...value }) => ({ ...value, ...(setBy !== undefined && { set_by: setBy }) }));
    const canonical = (list: readonly Record<string, unknown>[]) =>
      inOrder(list.map((value) => Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))));
    assert.deepEqual(canonical(told), canonical(expected), String(sequence));
  }
});

test('an account made, disabled and deleted is Account Change, with the account, its system and its person', async () => {
  const anne = world.id('Änne Müller');
  const mapped = await mapAll();
  const ofAnne = mapped.filter(({ change, body }) => change.object === anne && body.class_uid === 3001);
  const made = ofAnne.find(({ change, body }) => change.outcome === 'export-add' && body.activity_id === 1)?.body;
  assert.ok(made);
  const user = made.user as Record<string, unknown>;
  assert.equal(user.domain, 'directory');
  assert.equal(user.uid_alt, anne);
  assert.equal(made.status_id, 1);
  const intent = ofAnne.find(({ change }) => change.outcome === 'export-intent')?.body;
  assert.equal(intent?.status_id, 99, 'what is only intended is no success');
  const disabled = mapped.find(({ body }) => body.class_uid === 3001 && body.activity_id === 5);
  assert.ok(disabled?.change.values.some(({ attribute, new: now }) => attribute === 'enabled' && now === 'false'));
});

test('each member that a group gains or loses is one event, with the user and the group', async () => {
  const mapped = await mapAll();
  const members = mapped.filter(({ ordinal }) => ordinal >= 0);
  const values = world
    .events()
    .filter(({ stage }) => stage !== 'read')
    .flatMap(({ values: all }) =>
      all.filter(({ type, marks }) => type === 'reference' && (marks & MARKS.entitlement) !== 0),
    );
  assert.ok(values.length > 0);
  assert.equal(members.length, values.length);
  for (const { body, change, ordinal } of members) {
    const value = change.values[ordinal];
    assert.equal(body.class_uid, 3006);
    assert.equal(body.activity_id, value?.operation === 'remove' ? 4 : 3);
    const user = body.user as Record<string, unknown>;
    assert.equal(user.uid, value?.reference ?? value?.new ?? value?.old);
    assert.ok(typeof user.name === 'string' && user.name !== '');
    assert.equal((body.group as Record<string, unknown>).uid, change.object ?? change.entry);
  }
});

test('times are milliseconds, with the microseconds beside them; the chain is the correlation', async () => {
  const at = 1_717_243_200_123_456;
  const [body] = await mapOne({ stage: 'configuration', outcome: 'configuration-changed', occurredAt: at });
  assert.equal(body?.time, 1_717_243_200_123);
  assert.equal(body.unmapped.occurred_at, '2024-06-01T12:00:00.123456Z');
  assert.equal(body.metadata.original_time, '2024-06-01T12:00:00.123456Z');
  const log = world.installation.log.journal.log;
  const sequence = Number(body.metadata.sequence);
  assert.deepEqual([body.metadata.uid, body.metadata.correlation_uid], [`${log}/${sequence}`, `${log}/${sequence}`]);
});

test('who did it and from where stands in the actor and the endpoint; an out-of-band grant is of high severity', async () => {
  const value = { attribute: 'member', type: 'reference', operation: 'add', new: 'cn=Eve', marks: 1 } as const;
  const [body, ...more] = await mapOne({
    stage: 'import',
    operation: 'update',
    outcome: 'stage-update',
    entry: '01234567-89ab-4def-8123-456789abcdef',
    objectType: 'group',
    objectName: 'Domain Admins',
    agent: 'directory',
    values: [value],
    initiator: 'mallory',
    initiatorKnown: 'reported',
    address: '192.0.2.7',
    outOfBand: true,
  });
  assert.deepEqual(more, []);
  assert.deepEqual([body?.class_uid, body?.activity_id, body?.severity_id, body?.status_id], [3006, 3, 4, 1]);
  assert.deepEqual(body?.actor, { user: { name: 'mallory' }, app_name: 'Metatrail' });
  assert.deepEqual(body?.src_endpoint, { ip: '192.0.2.7' });
  assert.deepEqual(body?.user, { name: 'cn=Eve', uid: 'cn=Eve' });
});

test('an entitlement of a user is User Access Management; a failure says so with its error', async () => {
  const role = { attribute: 'role', type: 'string', operation: 'remove', old: 'approver', marks: 1 } as const;
  const account = {
    agent: 'directory',
    objectType: 'account',
    anchor: 'u1',
    entry: '11234567-89ab-4def-8123-456789abcdef',
  };
  const [revoked] = await mapOne({
    stage: 'export',
    operation: 'update',
    outcome: 'export-update',
    values: [role],
    ...account,
  });
  assert.deepEqual([revoked?.type_uid, revoked?.privileges, revoked?.severity_id], [300502, ['approver'], 1]);
  const [failed] = await mapOne({
    stage: 'export',
    operation: 'delete',
    outcome: 'export-failure',
    error: 'no-rights',
    ...account,
  });
  assert.deepEqual(
    [failed?.type_uid, failed?.status_id, failed?.status_detail, failed?.severity_id],
    [300106, 2, 'no-rights', 3],
  );
});

test('what an auditor may not see is said to be withheld, and stands nowhere in the event', async () => {
  const departments = new Set(
    world
      .events()
      .flatMap(({ values }) => values)
      .filter(({ attribute }) => attribute === 'department')
      .flatMap(({ old, new: now }) => [old, now])
      .filter((text) => text !== undefined),
  );
  assert.ok(departments.size > 0);
  const told = JSON.stringify((await mapAll()).map(({ body }) => body));
  for (const department of departments) assert.ok(!told.includes(`"${department}"`), department);
  assert.match(told, /"attribute":"department"[^{}]*"withheld":true/);
  const seen = JSON.stringify((await mapAll(['investigator'], false, 'a test')).map(({ body }) => body));
  for (const department of departments) assert.ok(seen.includes(`"${department}"`), department);
});

test('with record integrity an event carries its leaf, the signed root and the proof from one to the other', async () => {
  const mapped = await mapAll(['auditor'], true);
  const [some] = mapped.filter(({ ordinal }) => ordinal >= 0);
  assert.ok(some);
  const { journal, checkpoints } = world.installation.log;
  const { leaf, root } = await checkpoints.proveInclusion(some.change.sequence);
  const [attestation = {}] = some.body.attestation_list as Record<string, unknown>[];
  const hash = (bytes: Uint8Array) => ({
    algorithm: 'SHA-256',
    algorithm_id: 3,
    value: Buffer.from(bytes).toString('hex'),
  });
  assert.deepEqual(attestation.fingerprint, hash(leaf));
  assert.equal(attestation.chain_uid, journal.log);
  const [signature] = attestation.signatures as Record<string, unknown>[];
  assert.deepEqual(signature?.digest, hash(root));
  assert.match(
    String(some.body.unmapped.proof),
    new RegExp(`^c2sp.org/tlog-proof@v1\nindex ${some.change.sequence}\n`),
  );
  assert.deepEqual(some.body.metadata.profiles, ['record_integrity']);
  assert.equal(some.body.metadata.version, '1.9.0-dev');
});
