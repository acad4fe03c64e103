// The real service is killed, and stopped, while somebody follows: they come back, and miss nothing.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { follow, openWay, sequencesOf, until } from './live-world.ts';
import { makeCompany, metatrail, startService } from './service-world.ts';

const FOLLOW = 'subscription ($from: Sequence) { followChanges(from: $from) { nodes { sequence } next watermark } }';

test('over a kill and a stop of the service each change is told once, in order', { timeout: 300_000 }, async (t) => {
  const company = makeCompany(t);
  let service = await startService(t, company);
  const made = await metatrail(
    company,
    'token',
    'create',
    'reader',
    '--role',
    'auditor',
    '--expires',
    new Date(Date.now() + 86_400_000).toISOString(),
    '--why',
    'a test',
  );
  const secret = /mtt_[\w-]+/.exec(made.stdout)?.[0];
  assert.ok(secret, made.stdout + made.stderr);
  const way = await openWay(t, () => Number(new URL(service.url).port));
  const headers = { authorization: `Bearer ${secret}` };
  const followed = follow({ url: way.url, headers, query: FOLLOW, variables: { from: 0 }, retryAttempts: 100_000 });
  t.after(() => followed.stop());
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    const people = ['1', '2', '3'].map((id) => `${id},${signal} ${id}`);
    writeFileSync(join(company.folder, 'hired.txt'), people.join('\n'));
    assert.equal((await metatrail(company, 'run', 'hr', 'full')).status, 0);
    service.child.kill(signal);
    await once(service.child, 'exit');
    service = await startService(t, company);
  }
  assert.equal((await metatrail(company, 'run', 'hr', 'full')).status, 0);
  const ask = async (query: string) => {
    const response = await fetch(`${service.url}graphql`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
    });
    return (await response.json()) as { data: { changes: { nodes: { sequence: number }[] } } };
  };
  const { data } = await ask('{ changes(first: 1000) { nodes { sequence } } }');
  const all = data.changes.nodes.map(({ sequence }) => sequence).reverse();
  await until(() => sequencesOf(followed).length >= all.length, 'all is told');
  assert.deepEqual(sequencesOf(followed), all);
});
