// The threat model names tests that are there: a row that nothing shows any more is found here.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const ROOT = join(import.meta.dirname, '..');
const SECURITY = readFileSync(join(ROOT, 'SECURITY.md'), 'utf8');
/** What nothing stops is said, and has no test. */
const UNSTOPPED = '—';

function readRows(): string[][] {
  return SECURITY.split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| who |'))
    .map((line) =>
      line
        .slice(1, -1)
        .split(' | ')
        .map((cell) => cell.trim()),
    );
}

test('each row of the threat model names a test of the file that it names, or says that nothing stops it', () => {
  const rows = readRows();
  assert.ok(rows.length > 35, String(rows.length));
  for (const [who, could, stops, tests = '', ...more] of rows) {
    const row = `${who}: ${could}`;
    assert.ok(who && could && stops && more.length === 0, row);
    if (tests === UNSTOPPED) {
      assert.match(stops, /^nothing/, `${row}: what no test shows is nothing`);
      continue;
    }
    const named = [...tests.matchAll(/`(test\/[\w-]+\.test\.ts)` “([^”]+)”/g)];
    assert.equal(named.map(([text]) => text).join('; '), tests, row);
    for (const [, file = '', name = ''] of named) {
      const text = readFileSync(join(ROOT, file), 'utf8');
      assert.ok(text.includes(`test('${name}'`), `${row}: ${file} has no test “${name}”`);
    }
  }
});

test('the threat model speaks of every role, and of whoever has the machine, the stores, a backup or an assistant', () => {
  const who = readRows()
    .map(([first]) => first)
    .join('\n');
  for (const one of [
    ...[
      'outsider',
      'foreign page',
      'identity provider',
      'auditor',
      'investigator',
      'manager',
      'operator',
      'administrator',
    ],
    ...['assistant', 'operator of a directory', 'administrator of ClickHouse', 'root of the machine', 'reads a backup'],
  ])
    assert.ok(who.includes(one), one);
});
