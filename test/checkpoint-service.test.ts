// A service that is told in its environment where checkpoints go: they are there when it ends, and health says so.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { CheckpointWorld } from './checkpoint-world.ts';
import { makeCompany, metatrail, startService } from './service-world.ts';

test('a service sends its checkpoints out, also the one of its end, and says in health and log what fails', async (t) => {
  const bodies: string[] = [];
  const receiver = createServer((request, response) => {
    void text(request).then((body) => {
      bodies.push(body);
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  t.after(() => receiver.close());
  const company = makeCompany(t);
  const worm = join(company.folder, 'worm.txt');
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/path-1234`;
  const sending = {
    ...company,
    environment: {
      ...company.environment,
      METATRAIL_CHECKPOINT_WEBHOOK: url,
      METATRAIL_CHECKPOINT_FILE: worm,
      METATRAIL_CHECKPOINT_MAIL: 'auditor@example.org',
      METATRAIL_SMTP_URL: 'smtp://user:hunter2-hunter2@127.0.0.1:9',
      METATRAIL_MAIL_FROM: 'log@example.org',
    },
  };
  const service = await startService(t, sending);
  assert.equal((await metatrail(sending, 'run', 'hr', 'full')).status, 0);
  const { stdout: note } = await metatrail(sending, 'checkpoint');
  for (let turn = 0; bodies.at(-1) !== note; turn++) {
    assert.ok(turn < 500, 'the checkpoint was never posted');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const health = await (await fetch(new URL('health/ready', service.url))).text();
  const { checkpoint } = JSON.parse(health) as {
    checkpoint: { size: number; destinations: { destination: string; sent?: number; problem?: string }[] };
  };
  const [webhook, file, mail] = checkpoint.destinations;
  assert.deepEqual([webhook?.destination, webhook?.sent], [`webhook ${new URL(url).origin}`, checkpoint.size]);
  assert.deepEqual([file?.destination, file?.problem], [`file ${worm}`, undefined]);
  assert.match(mail?.problem ?? '', /^The mail by 127\.0\.0\.1:9 cannot be sent \(E[A-Z]+\)\.$/);
  const overview = await metatrail(sending, 'query', '{ log { size outside { destination size at } } }');
  const { data } = JSON.parse(overview.stdout) as { data: { log: { outside: { size: number; at: string } } } };
  assert.equal(data.log.outside.size, checkpoint.size);
  assert.equal(
    (await metatrail(sending, 'query', '{ changes(first: 1) { watermark } }')).status,
    0,
    'a read: the log grows',
  );
  await service.stop();
  const last = bodies.at(-1) ?? '';
  assert.ok(Number(last.split('\n')[1]) > checkpoint.size, 'what was signed at the end was sent');
  assert.ok(readFileSync(worm, 'utf8').endsWith(`${last}\n`));
  const log = readFileSync(join(company.data, 'metatrail.log'), 'utf8');
  assert.match(log, /The mail by 127\.0\.0\.1:9 cannot be sent/);
  for (const said of [health, log]) {
    assert.doesNotMatch(said, /hunter2/);
    assert.doesNotMatch(said, /path-1234/);
  }
  const { stdout: keys } = await metatrail(company, 'query', '{ checkpointKeys { vkey } }');
  const { data: known } = JSON.parse(keys) as { data: { checkpointKeys: { vkey: string }[] } };
  assert.equal(
    CheckpointWorld.signers(
      last,
      known.checkpointKeys.map(({ vkey }) => vkey),
    ).length,
    1,
  );
});
