// The feeds over HTTP, as a SIEM pulls them: every event once, in order, as lines, as JSON and as CloudEvents; what a cursor
// is good for, who may ask, and which pages are reads.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { liveHalfAYear } from './api/world.ts';
import { assertOcsf } from './ocsf-schema.ts';
import { type Refused, SignInWorld } from './sign-in-world.ts';

let world: SignInWorld;
let auditor: Record<string, string>;
const closing: (() => unknown)[] = [];
after(async () => {
  for (const close of closing.toReversed()) await close();
});
before(async () => {
  world = await SignInWorld.open({ after: (close) => closing.push(close) });
  await liveHalfAYear(world.api);
  await world.api.delivered();
  auditor = await bearer('siem', 'auditor');
});

async function bearer(name: string, role: 'auditor' | 'investigator' | 'operator' | 'manager' | 'administrator') {
  const { secret } = await world.makeToken(name, [role]);
  await world.api.delivered();
  return { authorization: `Bearer ${secret}` };
}

async function pull(parameters: Record<string, string>, feed = 'ocsf', headers = auditor) {
  const sent = await world.send('GET', `/feeds/${feed}?${new URLSearchParams(parameters)}`, headers);
  return { ...sent, cursor: String(sent.headers['x-metatrail-cursor']) };
}

const linesOf = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const changes = () => world.api.events().filter(({ stage }) => stage !== 'read');
const reads = () => world.api.events().filter(({ stage }) => stage === 'read');

async function refusal(parameters: Record<string, string>, headers = auditor) {
  const { status, text } = await pull(parameters, 'ocsf', headers);
  const [error] = (JSON.parse(text) as { errors: Refused[] }).errors;
  return { status, code: error?.extensions.code, message: error?.message ?? '' };
}

test('page after page gives every change once in the order of the log, whatever the size of a page', async () => {
  for (const limit of ['7', '1000']) {
    const told: unknown[] = [];
    let parameters: Record<string, string> = { limit };
    for (;;) {
      const page = await pull(parameters, 'changes');
      assert.equal(page.status, 200, page.text);
      assert.equal(page.headers['content-type'], 'application/x-ndjson');
      const lines = linesOf(page.text);
      assert.ok(lines.length <= Number(limit));
      told.push(...lines.map(({ sequence }) => sequence));
      if (page.headers['x-metatrail-more'] === 'false') break;
      parameters = { limit, cursor: page.cursor };
    }
    assert.deepEqual(
      told,
      changes().map(({ sequence }) => sequence),
    );
    await world.api.delivered();
  }
});

test('whoever goes on with a cursor gets what came later and nothing again', async () => {
  const first = await pull({ limit: '1000', agent: 'hr' });
  await world.api.run('hr', 'import');
  await world.api.delivered();
  const second = await pull({ limit: '1000', agent: 'hr', cursor: first.cursor });
  const sequences = (text: string) => linesOf(text).map(({ metadata }) => (metadata as { sequence: number }).sequence);
  const seen = [...sequences(first.text), ...sequences(second.text)];
  assert.ok(sequences(second.text).length > 0);
  const expected = changes().filter(({ agent }) => agent === 'hr');
  assert.deepEqual(
    [...new Set(seen)],
    expected.map(({ sequence }) => sequence),
  );
});

test('as JSON a page says in itself how to go on, how far it goes and what is withheld', async () => {
  const { text, cursor, headers } = await pull({ format: 'json', limit: '5' });
  const page = JSON.parse(text) as {
    cursor: string;
    watermark: number;
    withheld: string[];
    events: Record<string, unknown>[];
  };
  assert.equal(headers['content-type'], 'application/json; charset=utf-8');
  assert.equal(page.cursor, cursor);
  assert.deepEqual(page.withheld, ['sensitive']);
  assert.equal(String(page.watermark), headers['x-metatrail-watermark']);
  assert.ok(page.events.length >= 5);
  for (const event of page.events) assertOcsf(event);
});

test('as CloudEvents each has the attributes that version 1.0 asks for, and an id that stays', async () => {
  const one = await pull({ format: 'cloudevents', limit: '200' });
  assert.equal(one.headers['content-type'], 'application/cloudevents-batch+json');
  const batch = JSON.parse(one.text) as Record<string, unknown>[];
  const ids = new Set(batch.map(({ id }) => id));
  assert.equal(ids.size, batch.length);
  for (const event of batch) {
    for (const name of ['id', 'source', 'type', 'time', 'datacontenttype', 'sequence']) {
      assert.ok(typeof event[name] === 'string' && event[name] !== '', name);
      assert.match(name, /^[a-z0-9]+$/);
    }
    assert.equal(event.specversion, '1.0');
    assert.match(String(event.time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    const data = event.data as Record<string, unknown>;
    assertOcsf(data);
    assert.equal((data.metadata as Record<string, unknown>).uid, event.id);
  }
  const again = JSON.parse((await pull({ format: 'cloudevents', limit: '200' })).text) as Record<string, unknown>[];
  assert.deepEqual(
    again.map(({ id }) => id),
    [...ids],
  );
});

test('a cursor that is forged, of another feed or filter, or of a longer log is refused with its code', async () => {
  const { cursor } = await pull({ agent: 'hr' });
  const next = Number(cursor.split('.')[1]);
  const wrong: Record<string, string>[] = [
    { agent: 'hr', cursor: cursor.replace(String(next), String(next - 1)) },
    { agent: 'hr', cursor: `${cursor}x` },
    { agent: 'directory', cursor },
    { cursor },
    { agent: 'hr', cursor: 'eyJhIjoxfQ' },
  ];
  for (const parameters of wrong) {
    const { status, code } = await refusal(parameters);
    assert.deepEqual([status, code], [400, 'INVALID_CURSOR'], JSON.stringify(parameters));
  }
  const other = await pull({ agent: 'hr', cursor }, 'changes');
  assert.equal(other.status, 400);
  const { encodeCursor } = await import('../api/feeds/cursor.ts');
  const { log } = world.api.installation.log.journal;
  const ahead = encodeCursor({ log, feed: 'ocsf', filter: '[]' }, 1_000_000);
  const { status, code, message } = await refusal({ cursor: ahead });
  assert.deepEqual([status, code], [400, 'CURSOR_AHEAD']);
  assert.match(message, /restored from an older backup/);
});

test('whatever is asked is answered or refused with a sentence, never a failure', async () => {
  const name = fc.constantFrom('cursor', 'from', 'limit', 'format', 'stages', 'object', 'value', 'since', 'run', 'x');
  await fc.assert(
    fc.asyncProperty(fc.dictionary(name, fc.string({ unit: 'binary', maxLength: 40 })), async (parameters) => {
      const { status, text } = await pull(parameters);
      if (status === 200) return;
      assert.equal(status, 400, text);
      const [error] = (JSON.parse(text) as { errors: Refused[] }).errors;
      assert.match(error?.extensions.code ?? '', /^(BAD_USER_INPUT|INVALID_CURSOR|CURSOR_AHEAD)$/);
    }),
    { numRuns: 60 },
  );
  await world.api.delivered();
  for (const [parameters, said] of [
    [{ limit: '0' }, /limit must be from 1 to 1000/],
    [{ limit: '1001' }, /limit must be from 1 to 1000/],
    [{ format: 'xml' }, /format must be one of jsonl, json, cloudevents/],
    [{ colour: 'red' }, /no parameter "colour"; it has cursor, from/],
    [{ stages: 'import,nothing' }, /stages must be names of stages/],
    [{ since: '2026-01-01T00:00:00' }, /zone/],
    [{ since: '2026-02-01T00:00:00Z', until: '2026-01-01T00:00:00Z' }, /before since/],
    [{ cursor: 'x', from: '1' }, /not both/],
  ] as const)
    assert.match((await refusal(parameters)).message, said);
  const twice = await world.send('GET', '/feeds/ocsf?limit=1&limit=2', auditor);
  assert.equal(twice.status, 400);
  assert.equal((await world.send('GET', '/feeds/other', auditor)).status, 404);
});

test('auditors and investigators may ask, and nobody else; who is refused stands in the log', async () => {
  assert.equal((await world.send('GET', '/feeds/ocsf')).status, 401);
  for (const role of ['operator', 'manager', 'administrator'] as const) {
    const before = reads().length;
    const { status, code } = await refusal({}, await bearer(role, role));
    assert.deepEqual([status, code], [403, 'FORBIDDEN']);
    const read = reads().at(-1);
    assert.equal(reads().length, before + 1);
    assert.deepEqual([read?.initiator, read?.outcome, read?.error], [`token ${role}`, 'refused', 'forbidden']);
  }
  await world.api.delivered();
});

test('what is withheld from an auditor an investigator is told with a reason', async () => {
  const texts = world.api
    .events()
    .flatMap(({ values }) => values)
    .flatMap(({ attribute, new: now }) => (attribute === 'department' && now ? [now] : []));
  const all = { limit: '1000' };
  const investigator = await bearer('inquiry', 'investigator');
  const told = async (headers: Record<string, string>) =>
    `${(await pull(all, 'ocsf', headers)).text}${(await pull(all, 'changes', headers)).text}`;
  const [withheld, unreasoned] = [await told(auditor), await told(investigator)];
  const seen = await told({ ...investigator, 'x-metatrail-reason': 'case 7' });
  for (const text of texts) {
    assert.ok(!withheld.includes(`"${text}"`) && !unreasoned.includes(`"${text}"`), text);
    assert.ok(seen.includes(`"${text}"`), text);
  }
  const found = await pull({ value: texts[0] ?? '', limit: '1000' });
  assert.equal(found.text.includes('department'), false, 'no filter finds what is withheld');
  await world.api.delivered();
});

test('a page with events is a read with all that was asked; a poll that finds nothing new leaves none', async () => {
  const before = reads().length;
  const page = await pull({ limit: '1000', agent: 'hr', format: 'json' });
  const read = reads().at(-1);
  assert.equal(reads().length, before + 1);
  const facts = Object.fromEntries(read?.values.map(({ attribute, new: now }) => [attribute, now]) ?? []);
  assert.deepEqual(
    [facts.question, facts['parameter/feed'], facts['parameter/agent'], facts['parameter/from'], read?.initiator],
    ['changeFeed', 'ocsf', 'hr', '0', 'token siem'],
  );
  await world.api.delivered();
  let { cursor } = page;
  for (let poll = 0; poll < 3; poll++) {
    const next = await pull({ limit: '1000', agent: 'hr', format: 'json', cursor });
    assert.deepEqual((JSON.parse(next.text) as { events: unknown[] }).events, []);
    cursor = next.cursor;
  }
  assert.equal(reads().length, before + 1);
  await pull({ agent: 'nobody' });
  assert.equal(
    reads().length,
    before + 2,
    'a question that is asked for the first time is a read, also without an answer',
  );
});
