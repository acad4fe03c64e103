// What engine/README.md shows works, and what it lists is all there is.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { COUNTED_WITHOUT_EVENT } from '../ingest/event.ts';
import { inWorld, loadIn } from './engine-world.ts';

const ENGINE = fileURLToPath(new URL('../engine/', import.meta.url));
const README = readFileSync(`${ENGINE}README.md`, 'utf8');
/** What is no outcome of an event. */
const RESOLUTIONS = new Set(['found', 'none', 'resolved', 'not-joined']);
const BLOCKS = [...README.matchAll(/```yaml\n(.*?)```/gs)].map(([, block]) => block ?? '');

test('every configuration in the README loads', () => {
  assert.ok(BLOCKS.length > 0);
  for (const block of BLOCKS) loadIn('/somewhere', block);
});

test('the smallest configuration makes an account, changes it and deletes it', async () => {
  await inWorld(BLOCKS[0] ?? '', async (world) => {
    const accounts = () => Object.entries(world.directory()).filter(([dn]) => dn.startsWith('uid='));
    const ten = Array.from({ length: 10 }, (_, index) => ({ id: `${index}`, name: `Person ${index}` }));
    world.csv('people.csv', ten);
    await world.cycle();
    assert.equal(accounts().length, 10);
    world.csv('people.csv', [...ten.slice(0, 8), { id: '9', name: 'Renamed' }]);
    const results = await world.cycle();
    assert.ok(results.every(({ result }) => result === 'success'));
    assert.equal(accounts().length, 9);
    assert.deepEqual(world.directory()['uid=9,dc=example'], { uid: ['9'], cn: ['Renamed'], sn: ['Renamed'] });
  });
});

test('the README names every outcome, every counter without an event and every file of the engine', () => {
  const files = readdirSync(ENGINE).filter((name) => name.endsWith('.ts'));
  const missing = files.filter(
    (name) =>
      !README.includes(`\`${name}\``) &&
      !['cause.ts', 'connector.ts', 'entry-events.ts', 'expression-views.ts', 'names.ts', 'secrets.ts'].includes(name),
  );
  assert.deepEqual(missing, [], 'files');
  const outcomes = files.flatMap((name) =>
    [
      ...readFileSync(`${ENGINE}${name}`, 'utf8').matchAll(
        /outcome: (?:[^'`,;]*[?:] )?'([a-z]+-[a-z-]+)'(?: : '([a-z-]+)')?/g,
      ),
    ].flatMap(([, first, second]) => [first, second]),
  );
  const named = [...new Set([...outcomes, ...COUNTED_WITHOUT_EVENT])].filter(
    (outcome) => outcome !== undefined && !RESOLUTIONS.has(outcome),
  );
  assert.deepEqual(
    named.filter((outcome) => !README.includes(`\`${outcome}\``)),
    [],
    'outcomes',
  );
});
