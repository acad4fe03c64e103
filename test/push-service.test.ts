// Feeds of a service: sent while it runs, measured, and wrong files of them.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from './alerts-world.ts';
import { makeCompany, metatrail, startService } from './service-world.ts';
import { SECRET, startReceiver } from './webhook-receiver.ts';

test('a service sends its feeds, and measures how far behind they are', { timeout: 300_000 }, async (t) => {
  const receiver = await startReceiver(t);
  receiver.answer.status = 500;
  const company = makeCompany(t);
  const file = join(company.folder, 'feeds.yaml');
  writeFileSync(join(company.folder, 'secret'), SECRET);
  writeFileSync(
    file,
    `feeds: { siem: { webhook: "http://127.0.0.1:${receiver.port}/", secret_file: secret, format: changes, begin: 0 } }\n`,
  );
  Object.assign(company.environment, {
    METATRAIL_FEEDS: file,
    METATRAIL_METRICS: 'open',
    METATRAIL_SEND_INSIDE: '127.0.0.1',
  });
  const { url } = await startService(t, company);
  const measured = async () => {
    const text = await (await fetch(new URL('metrics', url))).text();
    const read = (name: string) => Number(new RegExp(`^${name}\\{feed="siem"\\} (\\d+)$`, 'm').exec(text)?.[1]);
    return { lag: read('metatrail_feed_lag_events'), failing: read('metatrail_feed_failing') };
  };
  await metatrail(company, 'run', 'hr', 'full');
  await until('it was tried', () => receiver.received.length > 0);
  for (let turn = 0; (await measured()).failing !== 1; turn++) assert.ok(turn < 500);
  assert.ok((await measured()).lag > 0);
  receiver.answer.status = 204;
  for (let turn = 0; (await measured()).lag !== 0; turn++) {
    assert.ok(turn < 3000, 'the feed never came to its end');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.equal((await measured()).failing, 0);
  assert.match(receiver.received.at(-1)?.body ?? '', /"type":"metatrail\./);
});
