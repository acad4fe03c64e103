// `metatrail verify` and `metatrail bundle`, with and without a service, and the verifier as a program of its own that has
// nothing but its folder and Node.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeCompany, metatrail, startService } from './service-world.ts';
import { withSqlite } from './verify-world.ts';

const VERIFIER = dirname(fileURLToPath(new URL('../ingest/verify/main.ts', import.meta.url)));

/** Runs the verifier from a copy of its folder, beside which there is no package. */
async function runAlone(place: string, ...parameters: string[]) {
  const copy = join(place, 'verifier');
  cpSync(VERIFIER, copy, { recursive: true });
  const child = spawn(process.execPath, [join(copy, 'main.ts'), ...parameters], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  rmSync(copy, { recursive: true });
  return { stdout, stderr, status: Number(status) };
}

test('a company is verified without a service, through it, and from a bundle by the verifier alone', async (t) => {
  const company = makeCompany(t);
  assert.equal((await metatrail(company, 'run', 'hr', 'full')).status, 0);
  assert.equal((await metatrail(company, 'run', 'directory', 'export')).status, 0);

  const alone = await metatrail(company, 'verify');
  assert.equal(alone.status, 0, alone.stderr);
  assert.match(alone.stdout, /^Verified: \d+ events, complete and unaltered\./);
  assert.match(alone.stdout, /3 run steps counted against the log/);
  assert.equal(alone.stderr, '');

  const service = await startService(t, company);
  const through = await metatrail(company, 'verify', '--json', '--seed', 'x');
  assert.equal(through.status, 0, through.stderr);
  const report = JSON.parse(through.stdout);
  assert.equal(report.result, 'verified');
  assert.equal(report.sample.seed, 'x');

  const folder = join(company.folder, 'bundle');
  const made = await metatrail(company, 'bundle', folder);
  assert.equal(made.status, 0, made.stderr);
  assert.match(made.stdout, /covered by the checkpoint of \d+ events/);
  await service.stop();

  const offline = await runAlone(company.folder, '--offline', folder);
  assert.equal(offline.status, 0, offline.stdout + offline.stderr);
  assert.match(offline.stdout, /^Verified: \d+ events/);
  assert.equal((await metatrail(company, 'verify', '--offline', folder)).status, 0);
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const stat = statSync(join(folder, file));
    assert.equal(stat.mode & 0o077, 0, `${file} is for its owner alone`);
  }
});

test('exit codes and sentences tell what is wrong from what cannot be checked', async (t) => {
  const company = makeCompany(t);
  assert.equal((await metatrail(company, 'run', 'hr', 'full')).status, 0);
  const nothing = await metatrail(company, 'verify', '--data', join(company.folder, 'nothing'));
  assert.equal(nothing.status, 2);
  assert.match(nothing.stderr, /There is no journal .*nothing\/metatrail\.sqlite, and with it no keys/);
  const other = join(company.folder, 'other-checkpoint');
  writeFileSync(other, 'metatrail/ffffffffffffffff\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— x AAAAAAAA\n');
  const foreign = await metatrail(company, 'verify', '--checkpoint', other);
  assert.equal(foreign.status, 2);
  assert.match(foreign.stderr, /is of another log, metatrail\/ffffffffffffffff; this one is metatrail\//);
  withSqlite(company.data, (database) => database.exec('UPDATE journal SET leaf = zeroblob(32) WHERE sequence = 2'));
  const altered = await metatrail(company, 'verify');
  assert.equal(altered.status, 1);
  assert.match(altered.stdout, /^NOT VERIFIED: 1 fault found in \d+ events\./);
  assert.match(altered.stdout, /✗ Event 2 has another leaf in the tiles than its row/);
  const alone = await runAlone(company.folder, '--offline', join(company.folder, 'nowhere'));
  assert.equal(alone.status, 2);
  assert.match(alone.stderr, /There is no folder .*nowhere; name the folder of a bundle\./);
  assert.equal((await runAlone(company.folder, '--online')).status, 2);
});
