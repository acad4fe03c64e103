// A witness that is trusted signs with a time that no calendar has: `verify` must still say what it found.
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import { openChangeLog } from '../ingest/log.ts';
import { makeBatch, makeFolder } from './ingest-world.ts';
import { check } from './verify-world.ts';

test('a cosignature with a time beyond any calendar ends no check in an error of the program', async (t) => {
  const folder = makeFolder(t);
  const log = await openChangeLog({ folder });
  await log.journal.accept((base) => makeBatch(base, 20));
  await log.shipper.delivered(20);
  const { note } = await log.checkpoints.current();
  const own = log.checkpoints.keys()[0]?.vkey ?? '';
  await log.close();
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const name = 'witness.example/w';
  const typed = Buffer.concat([Buffer.of(4), Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url')]);
  const id = createHash('sha256')
    .update(Buffer.concat([Buffer.from(`${name}\n`), typed]))
    .digest()
    .subarray(0, 4);
  const seconds = 10_000_000_000_000;
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(seconds));
  const body = note.slice(0, note.indexOf('\n\n') + 1);
  const signature = sign(null, Buffer.from(`cosignature/v1\ntime ${seconds}\n${body}`), privateKey);
  const line = `— ${name} ${Buffer.concat([id, time, signature]).toString('base64')}\n`;
  const keys = `${own}\n${name}+${id.toString('hex')}+${typed.toString('base64')}\n`;
  const report = await check(folder, {
    outside: [{ place: 'a note', note: note + line }],
    trusted: { place: 'keys', keys },
  });
  assert.ok(['verified', 'faults', 'incomplete'].includes(report.result), report.result);
});
