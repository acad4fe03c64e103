// `metatrail export`, with a service and without one.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'csv-parse/sync';
import { manifestSchema } from '../api/exports/manifest.ts';
import { makeCompany, metatrail, startService } from './service-world.ts';

test('the command line writes the file and its manifest, from the data folder and from the running service', {
  timeout: 300_000,
}, async (t) => {
  const company = makeCompany(t);
  assert.equal((await metatrail(company, 'run', 'hr', 'full')).status, 0);
  const check = (file: string) => {
    const bytes = readFileSync(file);
    const manifest = manifestSchema.parse(JSON.parse(readFileSync(`${file}.manifest.json`, 'utf8')));
    assert.equal(manifest.file.sha256, createHash('sha256').update(bytes).digest('hex'));
    assert.deepEqual([manifest.complete, manifest.asked_by], [true, 'command line']);
    assert.equal(existsSync(`${file}.incomplete`), false);
    return { bytes, manifest };
  };
  const out = (name: string) => join(company.folder, name);
  const local = await metatrail(company, 'export', '--format', 'csv', '--out', out('local.csv'), '--agent', 'hr');
  assert.deepEqual([local.status, /SHA-256 [0-9a-f]{64}/.test(local.stdout)], [0, true], local.stderr);
  const { bytes, manifest } = check(out('local.csv'));
  assert.equal(parse(bytes, { columns: true }).length, manifest.rows);
  assert.ok(manifest.rows > 0);

  const service = await startService(t, company);
  const more = ['--agent', 'hr', '--watermark', String(manifest.watermark), '--reason', 'a look'];
  for (const format of ['csv', 'xlsx', 'jsonl', 'parquet']) {
    const file = out(`remote.${format}`);
    const remote = await metatrail(company, 'export', 'changes', '--format', format, '--out', file, ...more);
    assert.equal(remote.status, 0, remote.stderr);
    const taken = check(file);
    assert.deepEqual([taken.manifest.rows, taken.manifest.reason], [manifest.rows, 'a look']);
    if (format === 'csv') assert.deepEqual(taken.bytes, bytes);
  }
  const wrong = await metatrail(company, 'export', '--format', 'csv', '--out', out('wrong.csv'), '--from', 'yesterday');
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr, /^from cannot be read; give an instant with its zone/);
  const nowhere = await metatrail(company, 'export', '--format', 'csv', '--out', join(company.folder, 'no', 'x.csv'));
  assert.equal(nowhere.status, 1);
  assert.match(nowhere.stderr, /cannot be written \(ENOENT\); name another one with --out/);
  const unknown = await metatrail(company, 'export', 'everything', '--format', 'csv', '--out', out('x.csv'));
  assert.match(unknown.stderr, /There is no list everything; there is changes, history/);
  assert.deepEqual([existsSync(out('wrong.csv')), existsSync(out('x.csv'))], [false, false]);
  await service.stop();
});
