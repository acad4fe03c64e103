// API tokens over HTTP and on the command line: who makes them, what they may, when they end, and where their secret is not.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { hashOf } from '../api/access/secrets.ts';
import { makeCompany, metatrail } from './service-world.ts';
import { bearer, HOUR, MINUTE, type Sent, SignInWorld } from './sign-in-world.ts';

const SIZE = '{ log { size } }';

test('a token made by an administrator lets a program ask under its name, and its making is an event', async (t) => {
  const world = await SignInWorld.open(t);
  const { id, secret } = await world.makeToken('siem', ['auditor']);
  assert.match(secret, /^mtt_[0-9a-f]{8}_[\w-]{43}$/);
  assert.equal((await world.ask('{ objectCount }', bearer(secret))).status, 200);
  const read = world.api.events().findLast(({ stage }) => stage === 'read');
  assert.equal(read?.initiator, 'token siem');
  const made = world.api.events().find(({ sequence }) => sequence === id);
  const values = Object.fromEntries((made?.values ?? []).map((value) => [value.attribute, value.new]));
  const { stage, outcome, initiator, address } = made ?? {};
  assert.deepEqual(
    { stage, outcome, initiator, address },
    { stage: 'configuration', outcome: 'token-created', initiator: 'command line', address: '127.0.0.1' },
  );
  assert.deepEqual([values.token, values.roles, values.reason], ['siem', 'auditor', 'a test']);
});

test('a token that has expired, was revoked, is unknown or of another installation is refused for that reason', async (t) => {
  const world = await SignInWorld.open(t);
  const refusal = async (secret: string) => {
    const { status, errors, headers } = await world.ask(SIZE, bearer(secret));
    assert.deepEqual([status, headers['www-authenticate']], [401, 'Bearer error="invalid_token"']);
    return [errors?.[0]?.extensions.code, errors?.[0]?.message.replace(/\d{4}-\S+Z/, 'THEN')];
  };
  const { id, secret } = await world.makeToken('one', ['auditor']);
  const { secret: short } = await world.makeToken('short', ['auditor'], 1);
  const other = `mtt_00000000_${secret.slice(13)}`;
  assert.deepEqual(await refusal(other), [
    'TOKEN_OF_ANOTHER_INSTALLATION',
    'This token is of another installation of Metatrail; it is not known here.',
  ]);
  const changed = `${secret.slice(0, -1)}${secret.endsWith('A') ? 'B' : 'A'}`;
  for (const unknown of [changed, 'x', 'mtt_', hashOf(secret), 'a'.repeat(12_000)])
    assert.deepEqual(await refusal(unknown), ['TOKEN_UNKNOWN', 'This token is not known here.']);
  const { data } = await world.ask(`mutation { revokeToken(id: ${id}, why: "lost") { state revokedBy } }`);
  assert.deepEqual(data, { revokeToken: { state: 'revoked', revokedBy: 'command line' } });
  assert.deepEqual(await refusal(secret), ['TOKEN_REVOKED', 'This token was revoked on THEN.']);
  assert.equal((await world.ask(SIZE, bearer(short))).status, 200);
  world.pass(HOUR);
  assert.deepEqual(await refusal(short), ['TOKEN_EXPIRED', 'This token has expired on THEN.']);
  const revoked = world.api.events().findLast(({ outcome }) => outcome === 'token-revoked');
  assert.deepEqual([revoked?.causes, revoked?.values.map((value) => value.new)], [[id], ['one', 'lost']]);
});

test('a token has only roles of its maker, and only an administrator makes, lists or revokes one', async (t) => {
  const world = await SignInWorld.open(t);
  const { secret: auditor } = await world.makeToken('auditor', ['auditor']);
  const { id, secret: administrator } = await world.makeToken('administrator', ['administrator']);
  const make = (roles: string) =>
    `mutation { createToken(name: "more", roles: [${roles}], expiresAt: "2099-01-01T00:00:00Z", why: "x") { secret } }`;
  for (const question of [
    '{ tokens { id } }',
    '{ sessions { id } }',
    make('auditor'),
    `mutation { revokeToken(id: ${id}, why: "x") { id } }`,
    'mutation { revokeSession(id: "x", why: "x") { id } }',
  ]) {
    const { errors } = await world.ask(question, bearer(auditor));
    assert.deepEqual(
      [errors?.[0]?.extensions.code, errors?.[0]?.message],
      ['FORBIDDEN', `Your roles do not allow ${/\w+/.exec(question.replace('mutation', ''))}: it takes administrator.`],
      question,
    );
  }
  const beyond = await world.ask(make('administrator, investigator'), bearer(administrator));
  assert.equal(
    beyond.errors?.[0]?.message,
    'A token has none but roles of whoever makes it; you do not have investigator.',
  );
});

test('what a token may not be is said in a sentence', async (t) => {
  const world = await SignInWorld.open(t);
  await world.makeToken('siem', ['auditor']);
  const said = async (name: string, roles: string, expiresAt: string, why = 'x') => {
    const text = `mutation { createToken(name: ${JSON.stringify(name)}, roles: ${roles}, expiresAt: "${expiresAt}", why: "${why}") { secret } }`;
    const { errors, data } = await world.ask(text);
    assert.ok(!data || errors);
    assert.equal(errors?.[0]?.extensions.code, 'BAD_USER_INPUT');
    return errors?.[0]?.message ?? '';
  };
  const soon = new Date(Date.now() + 3_600_000).toISOString();
  assert.match(await said(' ', '[auditor]', soon), /^name is what will use the token, in 1 to 100 characters/);
  assert.match(await said('x'.repeat(101), '[auditor]', soon), /^name is what/);
  assert.match(await said('two\nlines', '[auditor]', soon), /^name is what/);
  assert.match(await said('a', '[]', soon), /^roles is empty; a token has one or several of auditor, investigator/);
  assert.match(await said('a', '[auditor]', '2020-01-01T00:00:00Z'), /^expiresAt has passed/);
  assert.match(await said('a', '[auditor]', '2099-01-01T00:00:00Z'), /^expiresAt is more than 396 days away/);
  assert.match(await said('a', '[auditor]', '2026-01-01'), /is no instant; write it with its zone/);
  assert.match(await said('a', '[auditor]', soon, ' '), /^why is empty/);
  assert.match(await said('siem', '[auditor]', soon), /^The token \d+ is called siem; revoke it, or take another name/);
  const { errors } = await world.ask('mutation { revokeToken(id: 999999, why: "x") { id } }');
  assert.match(errors?.[0]?.message ?? '', /^There is no token 999999/);
});

test('when a token was last used is remembered once a minute, and not for each question', async (t) => {
  const world = await SignInWorld.open(t);
  const { id, secret } = await world.makeToken('siem', ['auditor']);
  const lastUsed = () => world.signIn.tokens.list().find((token) => token.id === id)?.lastUsedAt;
  assert.equal(lastUsed(), undefined);
  await Promise.all([1, 2, 3].map(() => world.ask(SIZE, bearer(secret))));
  const first = lastUsed();
  assert.ok(first !== undefined);
  world.pass(MINUTE / 2);
  await world.ask(SIZE, bearer(secret));
  assert.equal(lastUsed(), first);
  world.pass(MINUTE / 2);
  await world.ask(SIZE, bearer(secret));
  assert.ok((lastUsed() ?? 0) >= first + MINUTE);
});

test('after 30 wrong tokens in a minute an address is told to wait; others, and right ones, are not', async (t) => {
  const world = await SignInWorld.open(t);
  const { secret } = await world.makeToken('siem', ['auditor']);
  const proxied = await world.serve(t, { proxies: ['127.0.0.1'] });
  const from = (address: string, token: string) =>
    fetch(`${proxied}/graphql`, {
      method: 'POST',
      headers: { ...bearer(token), 'x-forwarded-for': address, 'content-type': 'application/json' },
      body: JSON.stringify({ query: SIZE }),
    });
  const wrong: number[] = [];
  for (let count = 0; count < 32; count += 1) wrong.push((await from('203.0.113.9', `wrong-${count}`)).status);
  assert.deepEqual([wrong.indexOf(429), wrong.lastIndexOf(401), wrong.length], [30, 29, 32]);
  const over = await from('203.0.113.9', 'wrong');
  assert.ok(Number(over.headers.get('retry-after')) > 0 && Number(over.headers.get('retry-after')) <= 60);
  assert.match(await over.text(), /Too many attempts from your address; try again in a minute/);
  assert.equal((await from('203.0.113.9', secret)).status, 200);
  assert.equal((await from('203.0.113.10', 'wrong')).status, 401);
});

test('the secret of a token is in no file, event, list, log or error', async (t) => {
  const world = await SignInWorld.open(t);
  const { id, secret } = await world.makeToken('siem', ['auditor']);
  const answers: Sent[] = [
    await world.ask('{ tokens { id name roles state createdAt createdBy expiresAt lastUsedAt } }'),
    await world.ask('{ reads { nodes { parameters { name value } } } }'),
    await world.ask(SIZE, bearer(`${secret}x`)),
    await world.ask(`mutation { revokeToken(id: ${id}, why: "lost") { id name } }`, bearer(secret)),
    await world.ask('{ nothing }', bearer(secret)),
    await world.ask('{ changes { nodes { values { attribute new } } } }'),
  ];
  const inner = secret.slice(13);
  const told = [...answers.map(({ text }) => text), ...world.logged].join('\n');
  assert.ok(told.includes('siem') && !told.includes(inner));
  assert.ok(!JSON.stringify(world.api.events()).includes(inner));
  const folder = join(world.api.folder, 'data');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((file) => statSync(file).isFile());
  const holding = (text: string) => files.filter((file) => readFileSync(file).includes(text));
  assert.ok(holding(hashOf(secret)).length > 0, 'its hash is in the journal');
  assert.deepEqual(holding(inner), []);
});

test('metatrail token makes, lists and revokes, also where no service runs', async (t) => {
  const company = makeCompany(t);
  const run = await metatrail(company, 'run', 'hr', 'full');
  assert.equal(run.status, 0, run.stderr);
  const expires = new Date(Date.now() + 3_600_000).toISOString();
  const options = ['--role', 'auditor', 'operator', '--expires', expires, '--why', 'a test'];
  const made = await metatrail(company, 'token', 'create', 'siem', ...options);
  assert.equal(made.status, 0, made.stderr);
  const { token, secret } = JSON.parse(made.stdout) as { token: { id: number; roles: string[] }; secret: string };
  assert.match(secret, /^mtt_/);
  assert.deepEqual(token.roles, ['auditor', 'operator']);
  const again = await metatrail(company, 'token', 'create', 'siem', ...options);
  assert.deepEqual([again.status, again.stderr.startsWith(`The token ${token.id} is called siem`)], [1, true]);
  const revoked = await metatrail(company, 'token', 'revoke', String(token.id), '--why', 'lost');
  assert.equal(revoked.status, 0, revoked.stderr);
  const listed = await metatrail(company, 'token', 'list');
  const states = (JSON.parse(listed.stdout) as { name: string; state: string }[]).map(({ name, state }) => [
    name,
    state,
  ]);
  assert.deepEqual(states, [['siem', 'revoked']]);
  assert.ok(!listed.stdout.includes(secret));
  const none = await metatrail(company, 'token', 'revoke', 'siem', '--why', 'lost');
  assert.match(none.stderr, /^siem is no token; give the id that metatrail token list prints/);
});
