// Somebody asks the dearest question that is allowed, again and again: health, cheap questions of others and the shipper go on.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { fillLog, type LoadedService, sampleLog, startOn, YEAR } from './loaded-log.ts';

const EVENTS = 100_000;
const CLIENTS = 12;
const SECONDS = 8;
const DAY = 86_400_000;

interface Answer {
  data?: Record<string, unknown>;
  errors?: { message: string; extensions: { code: string } }[];
}

async function ask({ url }: LoadedService, token: string, query: string, variables: Record<string, unknown> = {}) {
  const response = await fetch(new URL('graphql', url), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  return (await response.json()) as Answer;
}

/** Throws AssertionError when the answer is an error. */
async function succeed(service: LoadedService, token: string, query: string, variables: Record<string, unknown> = {}) {
  const { data, errors } = await ask(service, token, query, variables);
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data ?? {};
}

async function watermarkOf(service: LoadedService, token: string): Promise<number> {
  const { log } = await succeed(service, token, '{ log { watermark } }');
  return z.object({ watermark: z.number() }).parse(log).watermark;
}

const median = (times: readonly number[]) =>
  times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN;

async function makeToken(service: LoadedService, name: string): Promise<string> {
  const query = `mutation ($name: String!, $expiresAt: DateTime!) {
    createToken(name: $name, roles: [auditor], expiresAt: $expiresAt, why: "a storm") { secret }
  }`;
  const expiresAt = new Date(Date.now() + DAY).toISOString();
  const { createToken } = await succeed(service, service.token, query, { name, expiresAt });
  return z.object({ secret: z.string() }).parse(createToken).secret;
}

async function startLoaded(
  t: TestContext,
): Promise<{ service: LoadedService; sample: Awaited<ReturnType<typeof sampleLog>> }> {
  const folder = mkdtempSync(join(tmpdir(), 'metatrail-storm-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const data = join(folder, 'data');
  await fillLog(data, EVENTS);
  const sample = await sampleLog(data);
  const service = await startOn(data);
  t.after(() => service.stop());
  while ((await fetch(new URL('health/ready', service.url))).status !== 200) await sleep(100);
  return { service, sample };
}

/** Who moved within a year, and who held what: tens of thousands of rows, with whom they name. */
const DEAREST = `query ($a: DateTime!, $b: DateTime!, $from: DateTime!) {
  people(from: $from, to: $b) { joiners { person { name } } movers { person { name } from to } leavers { accounts { agent } } }
  overview { objectCounts { count } changesByMonth { count } }
  first: changesByDay(from: $from, to: $a) { count }
}`;

test('a storm of the dearest question starves neither health nor the shipper nor a cheap question of somebody else', {
  timeout: 180_000,
}, async (t) => {
  const { service, sample } = await startLoaded(t);
  const [stormer, other] = [await makeToken(service, 'stormer'), await makeToken(service, 'other')];
  const at = new Date(YEAR + 300 * DAY).toISOString();
  const variables = { a: at, b: new Date(YEAR + 360 * DAY).toISOString(), from: new Date(YEAR).toISOString() };
  const end = Date.now() + SECONDS * 1000;
  const times = { storm: [] as number[], health: [] as number[], cheap: [] as number[] };
  const timed = async (of: keyof typeof times, work: () => Promise<void>) => {
    const begin = performance.now();
    await work();
    times[of].push(performance.now() - begin);
  };
  const storm = Array.from({ length: CLIENTS }, async () => {
    while (Date.now() < end)
      await timed('storm', async () => void (await succeed(service, stormer, DEAREST, variables)));
  });
  const watermarks: number[] = [];
  await sleep(1000);
  while (Date.now() < end) {
    await timed('health', async () => {
      const response = await fetch(new URL('health/ready', service.url));
      assert.equal(response.status, 200, await response.text());
    });
    await timed('cheap', async () => {
      const id = sample.person?.[times.cheap.length];
      const { object } = await succeed(service, other, 'query ($id: ID!) { object(id: $id) { name } }', { id });
      assert.ok(object);
    });
    watermarks.push(await watermarkOf(service, other));
    await sleep(100);
  }
  await Promise.all(storm);
  const told = JSON.stringify({ times, watermarks });
  assert.ok(times.storm.length >= CLIENTS && times.cheap.length > 1, told);
  assert.ok(median(times.health) < median(times.storm) / 5, told);
  assert.ok(median(times.cheap) < median(times.storm) / 5, told);
  // Each question leaves an event, and those of the storm are delivered while it goes on.
  assert.ok((watermarks.at(-1) ?? 0) > (watermarks[0] ?? 0), told);
});
