import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { Pool } from '../ingest/clickhouse/pool.ts';

/** Statements that end when they are told to, in the order in which they were begun. */
function makeWork(pool: Pool<number>) {
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const ask = (name: string, owner?: string) =>
    pool.use(async () => {
      begun.push(name);
      await new Promise<void>((resolve) => ends.push(resolve));
    }, owner);
  const endFirst = async () => {
    ends.shift()?.();
    await setImmediate();
  };
  return { begun, ask, endFirst };
}

test('who asks a hundred things leaves a connection free, and others have their turn between them', async () => {
  const { begun, ask, endFirst } = makeWork(new Pool([1, 2, 3, 4]));
  const all = Array.from({ length: 100 }, (_, n) => ask(`storm ${n}`, 'storm'));
  await setImmediate();
  assert.deepEqual(begun, ['storm 0', 'storm 1', 'storm 2']);
  all.push(ask('cheap 0', 'other'));
  await setImmediate();
  assert.equal(begun[3], 'cheap 0', 'at once');
  all.push(ask('cheap 1', 'other'), ask('cheap 2', 'other'), ask('third', 'third'));
  await endFirst();
  await endFirst();
  await endFirst();
  // Whoever was handed one last is last in the row.
  assert.deepEqual(begun.slice(4), ['storm 3', 'cheap 1', 'third']);
  while (begun.length < 104) await endFirst();
  for (let left = 0; left < 4; left++) await endFirst();
  await Promise.all(all);
});

test('the program itself takes every connection, one after the other where there are no more', async () => {
  const { begun, ask, endFirst } = makeWork(new Pool([1, 2]));
  const all = ['a', 'b', 'c'].map((name) => ask(name));
  await setImmediate();
  assert.deepEqual(begun, ['a', 'b']);
  await endFirst();
  assert.deepEqual(begun, ['a', 'b', 'c']);
  await endFirst();
  await endFirst();
  await Promise.all(all);
});

test('a connection that failed is handed out again, and no two have one at the same time', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.record({ owner: fc.constantFrom('a', 'b', 'c', undefined), fails: fc.boolean() }), { maxLength: 30 }),
      async (size, asked) => {
        const pool = new Pool(Array.from({ length: size }, (_, n) => n));
        const held = new Set<number>();
        const outcomes = await Promise.allSettled(
          asked.map(({ owner, fails }) =>
            pool.use(async (connection) => {
              assert.ok(!held.has(connection));
              held.add(connection);
              await setImmediate();
              held.delete(connection);
              if (fails) throw new Error('as asked');
            }, owner),
          ),
        );
        assert.deepEqual(
          outcomes.map(({ status }) => status),
          asked.map(({ fails }) => (fails ? 'rejected' : 'fulfilled')),
        );
      },
    ),
  );
});
