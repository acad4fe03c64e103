// The pages say which of their operations they ask by a hash, and the service has the texts from their build.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Kind, parse } from 'graphql';
import { z } from 'zod';
import { readOperations } from './dashboards/fixture-server.ts';
import { testPage } from './dashboards/page-test.ts';
import { SignInWorld } from './sign-in-world.ts';

const DASHBOARDS = join(import.meta.dirname, '..', 'dashboards');
const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');

test('the file of the build has the operations of the pages, each by its hash, and nothing else', async () => {
  const files = readdirSync(DASHBOARDS, { recursive: true, encoding: 'utf8' });
  const texts: string[] = [];
  for (const file of files.filter((each) => each.endsWith('-query.ts'))) {
    const exported: Record<string, unknown> = await import(join(DASHBOARDS, file));
    texts.push(...Object.values(exported).map((value) => z.object({ text: z.string() }).parse(value).text));
  }
  const operations = texts.filter((text) =>
    parse(text).definitions.some(({ kind }) => kind === Kind.OPERATION_DEFINITION),
  );
  assert.ok(operations.length >= 14);
  assert.deepEqual(readOperations(), Object.fromEntries(operations.map((text) => [hashOf(text), text])));
});

testPage('every page asks by hashes alone', async ({ page, server, open }) => {
  const known = readOperations();
  const person = 'objects/01900000-0000-7000-8000-000000000001';
  for (const address of ['', 'changes', 'changes/7', 'objects', person, 'runs', 'runs/183', 'reads', 'reports']) {
    const before = server.questions.length;
    await open(address);
    await page.locator('h1').waitFor();
    await page.waitForLoadState('networkidle');
    assert.ok(server.questions.length > before, `nothing was asked by ${address}`);
  }
  for (const { hash, query } of server.questions) assert.ok(hash !== undefined && hash in known, query);
  const asked = new Set(server.questions.map(({ hash }) => hash));
  assert.ok(asked.size >= 10, `${asked.size} operations`);
});

test('the service answers a hash that the build knows, now or since, and says of another to reload', async (t) => {
  const world = await SignInWorld.open(t);
  const query = '{ log { size } }';
  const ask = async (body: Record<string, unknown>) => {
    const headers = { ...world.commandLine, 'content-type': 'application/json' };
    const { status, text } = await world.send('POST', '/graphql', headers, JSON.stringify(body));
    return { status, text };
  };
  const extensions = { persistedQuery: { version: 1, sha256Hash: hashOf(query) } };
  const unknown = await ask({ extensions });
  assert.equal(unknown.status, 404);
  assert.match(
    unknown.text,
    /"message":"The service does not know this operation: .* Reload the page; .*"code":"PERSISTED_QUERY_NOT_FOUND"/,
  );
  writeFileSync(join(world.api.folder, 'operations.json'), JSON.stringify({ [hashOf(query)]: query }));
  for (const body of [{ extensions }, { extensions, query: null, variables: {} }, { query }, { query, extensions }])
    assert.match((await ask(body)).text, /^\{"data":\{"log":\{"size":\d+\}\}/, JSON.stringify(body));
  for (const sha256Hash of ['__proto__', 'constructor', '../index', ''])
    assert.equal((await ask({ extensions: { persistedQuery: { sha256Hash } } })).status, 404);
  for (const persistedQuery of [null, {}, { sha256Hash: 5 }, 'x'])
    assert.equal((await ask({ extensions: { persistedQuery } })).status, 400);
});
