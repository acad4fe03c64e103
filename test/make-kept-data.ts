// Makes a data folder to keep, with the program as it is now: `node test/make-kept-data.ts 4-migration-11` writes
// kept-data/4-migration-11.tar.gz and prints its line for kept-data.test.ts. The company of the README with sixty people, of
// whom some leave and some are renamed, exported and confirmed each time.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inspect } from 'node:util';
import { readMigrations } from '../ingest/clickhouse/migrate.ts';
import { DATA_VERSION } from '../ingest/journal/schema.ts';
import { JournalSnapshot } from '../ingest/journal/snapshot.ts';
import { metatrail, readmeBlock } from './service-world.ts';

const PEOPLE = Array.from({ length: 60 }, (_, i) => ({ id: 1000 + i, name: `Person ${i}` }));
const LATER = PEOPLE.filter((_, i) => i % 20 !== 7).map(({ id, name }, i) => ({
  id,
  name: i % 10 ? name : `${name} Jr`,
}));
const CYCLE = ['hr full', 'directory export', 'directory confirm'].map((run) => ['run', ...run.split(' ')]);

async function makeFolder(folder: string): Promise<void> {
  const configuration = path.join(folder, 'company.yaml');
  const data = path.join(folder, 'data');
  const { PATH, HOME } = process.env;
  const environment = { PATH, HOME, METATRAIL_DATA: data, METATRAIL_CONFIG: configuration, UV_THREADPOOL_SIZE: '16' };
  writeFileSync(configuration, readmeBlock('yaml'));
  for (const people of [PEOPLE, LATER]) {
    writeFileSync(
      path.join(folder, 'people.csv'),
      `id,name\n${people.map(({ id, name }) => `${id},${name}\n`).join('')}`,
    );
    for (const command of CYCLE) {
      const { status, stderr } = await metatrail({ folder, data, configuration, environment }, ...command);
      assert.equal(status, 0, stderr);
    }
  }
}

const [archive] = process.argv.slice(2);
assert.match(archive ?? '', /^[\w-]+$/, 'Say what it is called: node test/make-kept-data.ts NAME.');
const folder = mkdtempSync(path.join(tmpdir(), 'metatrail-kept-'));
try {
  await makeFolder(folder);
  const snapshot = new JournalSnapshot(path.join(folder, 'data'));
  const { log, size } = snapshot;
  const line = { archive, version: DATA_VERSION, migration: readMigrations().length, log, size, root: snapshot.root() };
  snapshot.close();
  execFileSync('tar', ['czf', path.join(import.meta.dirname, `kept-data/${archive}.tar.gz`), '-C', folder, 'data']);
  process.stdout.write(`${inspect(line)}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
