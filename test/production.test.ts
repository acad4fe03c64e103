// The unit of systemd does what it says, as far as that can be tried where systemd does not run.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  allowedCalls,
  INSTALLED,
  installedUnit,
  makeCompanyIn,
  makeFolder,
  ownFolder,
  ROOT,
  readUnit,
  startUnprivileged,
} from './production-world.ts';
import { requireTool } from './require-tool.ts';

const PRODUCTION = readFileSync(join(ROOT, 'api/production/README.md'), 'utf8');

test('systemd takes the unit, and finds it as little exposed as the page about it says', (t) => {
  const analyze = requireTool(t, 'systemd-analyze');
  if (analyze === undefined) return;
  const file = join(makeFolder(t), 'metatrail.service');
  writeFileSync(file, installedUnit());
  const verified = spawnSync(analyze, ['verify', '--man=no', file], { encoding: 'utf8' });
  assert.deepEqual([verified.status, verified.stderr], [0, '']);
  const { stdout } = spawnSync(analyze, ['security', '--offline=yes', '--no-pager', file], { encoding: 'utf8' });
  const exposure = /Overall exposure level for \S+: ([\d.]+) OK/.exec(stdout)?.[1];
  assert.ok(exposure !== undefined, stdout.slice(-300));
  assert.ok(PRODUCTION.includes(`exposure ${exposure} of 10`), `the page does not say ${exposure}`);
});

test('the unit’s command runs as an unprivileged user, with no call that its filter refuses, and stops in order', {
  timeout: 240_000,
}, async (t) => {
  const [analyze, strace] = [requireTool(t, 'systemd-analyze'), requireTool(t, 'strace')];
  if (analyze === undefined || strace === undefined) return;
  const folder = makeFolder(t);
  const configuration = makeCompanyIn(folder);
  const data = ownFolder(folder, 'data');
  const calls = join(ownFolder(folder, 'calls'), 'calls');
  const unit = readUnit();
  const [command = ''] = unit.get('ExecStart') ?? [];
  const set = Object.fromEntries((unit.get('Environment') ?? []).flatMap((line) => line.split(' ')).map(splitPair));
  assert.equal(set.METATRAIL_DATA, `/var/lib/${unit.get('StateDirectory')?.[0]}`);
  // What the file of the environment would say.
  const env = { ...set, METATRAIL_DATA: data, METATRAIL_CONFIG: configuration, PORT: '0' };
  const started = await startUnprivileged(
    [strace, '-f', '-qq', '-c', '-o', calls, ...command.replaceAll(INSTALLED, ROOT).split(' ')],
    { cwd: ROOT, env },
  );
  t.after(() => started.child.kill('SIGKILL'));
  const { url, pid } = await started.ready();
  for (const [agent, profile] of [
    ['hr', 'full'],
    ['directory', 'export'],
  ] as const) {
    const ran = spawnSync(process.execPath, ['api/metatrail.ts', 'run', agent, profile], {
      cwd: ROOT,
      env: { PATH: process.env.PATH, METATRAIL_DATA: data },
      encoding: 'utf8',
    });
    assert.equal(ran.status, 0, ran.stderr);
  }
  const report = ['report', 'access', '--at', '2030-01-01', '--out', join(folder, 'access.pdf')];
  assert.equal(
    spawnSync(process.execPath, ['api/metatrail.ts', ...report], { cwd: ROOT, env: { METATRAIL_DATA: data } }).status,
    0,
  );
  assert.equal((await fetch(new URL('health/live', url))).status, 200);
  const [longest = ''] = unit.get('TimeoutStopSec') ?? [];
  process.kill(pid, 'SIGTERM');
  const timer = new Promise<string>((resolve) => setTimeout(resolve, Number(longest) * 1000, 'too long').unref());
  assert.deepEqual(await Promise.race([started.closed, timer]), [0, null], started.output.text);
  const listed = spawnSync(analyze, ['syscall-filter', '--no-pager'], { encoding: 'utf8' }).stdout;
  const allowed = allowedCalls(listed, unit.get('SystemCallFilter') ?? []);
  const rows = [...readFileSync(calls, 'utf8').matchAll(/^\s*[\d.]+\s+[\d.]+\s+\d+\s+\d+\s+(?:\d+\s+)?(\w+)$/gm)];
  const made = rows.map(([, name = '']) => name).filter((name) => name !== 'total');
  assert.ok(made.length > 40 && made.includes('fdatasync'), made.join(' '));
  assert.deepEqual(
    made.filter((name) => !allowed.has(name)),
    [],
  );
  assert.equal(allowed.has('mount') || allowed.has('ptrace') || allowed.has('chown'), false);
});

function splitPair(pair: string): [string, string] {
  const at = pair.indexOf('=');
  return [pair.slice(0, at), pair.slice(at + 1)];
}
