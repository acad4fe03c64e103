// `metatrail mcp` as a process: nothing but the protocol on stdout, no data folder kept from a service, and an end.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { JSONRPCMessageSchema } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { Assistant, PROGRAM } from './mcp-world.ts';
import { type Company, makeCompany, metatrail, readmeBlock, startService } from './service-world.ts';

const HELLO = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
};
const call = (id: number, name: string, given: object) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: given },
});

function startRaw(company: Company) {
  const child = spawn(process.execPath, [PROGRAM, 'mcp'], { env: company.environment, stdio: 'pipe' });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    output.stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    output.stderr += chunk.toString();
  });
  const closed = once(child, 'close') as Promise<[number | null, string | null]>;
  const answered = async (id: number) => {
    while (!output.stdout.includes(`"id":${id}}`)) await Promise.race([once(child.stdout, 'data'), closed]);
  };
  return { child, output, closed, answered };
}

test('stdout has the protocol alone, whatever comes in, and the end of stdin ends it with the data folder closed', async (t) => {
  const company = makeCompany(t);
  assert.equal((await metatrail(company, 'run', 'hr', 'full')).status, 0);
  const { child, output, closed, answered } = startRaw(company);
  t.after(() => child.kill());
  for (const line of [
    ...['not JSON', '{}', '[]', '\u0000', '{"jsonrpc":"2.0","id":9,"method":"no/such"}'],
    ...[HELLO, { jsonrpc: '2.0', method: 'notifications/initialized' }, call(2, 'search', { text: 'Ann' })].map(
      (each) => JSON.stringify(each),
    ),
  ])
    child.stdin.write(`${line}\n`);
  await answered(2);
  child.stdin.write(`${JSON.stringify(call(3, 'search', { text: 'Bob' }))}\n`);
  child.stdin.end();
  assert.deepEqual(await closed, [0, null], output.stderr);
  const messages = output.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSONRPCMessageSchema.parse(JSON.parse(line)));
  assert.ok(messages.some((message) => 'id' in message && message.id === 2));
  assert.match(output.stdout, /Ann Smith/);
  assert.doesNotMatch(output.stderr, /node:internal|file:\/\/|Ann/);
  assert.equal((await metatrail(company, 'status')).status, 0, 'the data folder can be opened again');
});

test('a signal ends it, and no question that was under way leaves the data folder open', async (t) => {
  const company = makeCompany(t);
  assert.equal((await metatrail(company, 'run', 'hr', 'full')).status, 0);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const { child, output, closed, answered } = startRaw(company);
    t.after(() => child.kill('SIGKILL'));
    child.stdin.write(`${JSON.stringify(HELLO)}\n`);
    await answered(1);
    child.stdin.write(`${JSON.stringify(call(2, 'runs', {}))}\n`);
    await new Promise((resolve) => setTimeout(resolve, 200));
    child.kill(signal);
    assert.deepEqual(await closed, [0, null], output.stderr);
  }
  assert.equal((await metatrail(company, 'status')).status, 0);
});

test('an assistant that idles keeps no data folder from a service, and finds the one that was started meanwhile', {
  timeout: 240_000,
}, async (t) => {
  const company = makeCompany(t);
  const assistant = await Assistant.start(t, company.environment);
  assert.match(await assistant.refusal('whoami'), /^There is no data folder /);
  assert.equal(existsSync(company.data), false, 'a question makes none');
  assert.equal((await metatrail(company, 'run', 'hr', 'full')).status, 0);
  const before = await Promise.all([assistant.ask('search', { text: 'Ann' }), assistant.ask('runs')]);
  assert.match(before[0].text, /Ann Smith/);
  const service = await startService(t, company);
  assert.match((await assistant.ask('search', { text: 'Ann' })).text, /Ann Smith/);
  const { told } = await assistant.ask('who_looked', { question: 'search' });
  const { nodes } = told.answer as { nodes: { viewer: string; address: string | null }[] };
  assert.deepEqual(nodes[0]?.viewer, 'command line');
  await service.stop();
  assert.match((await assistant.ask('search', { text: 'Ann' })).text, /Ann Smith/, 'and does without it again');
});

const settingsSchema = z.object({
  mcpServers: z.object({
    metatrail: z.object({ command: z.string(), args: z.array(z.string()), env: z.record(z.string(), z.string()) }),
  }),
});

test('the settings of the README start it, and name variables that it knows', async (t) => {
  const { command, args, env } = settingsSchema.parse(JSON.parse(readmeBlock('json'))).mcpServers.metatrail;
  const known = readFileSync(new URL('../api/environment.ts', import.meta.url), 'utf8');
  for (const name of Object.keys(env)) assert.ok(known.includes(`  ${name}:`), name);
  const company = makeCompany(t);
  assert.equal((await metatrail(company, 'run', 'hr', 'full')).status, 0);
  const root = join(import.meta.dirname, '..');
  const given = args.map((each) => (each === '/opt/metatrail' ? root : each));
  assert.ok(given.includes(root));
  const child = spawn(command, given, { env: company.environment, stdio: ['pipe', 'pipe', 'ignore'] });
  t.after(() => child.kill());
  child.stdin.end(`${JSON.stringify(HELLO)}\n`);
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  assert.match(chunk.toString(), /"serverInfo":\{"name":"metatrail"/);
  await once(child, 'close');
});
