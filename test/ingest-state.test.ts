// The engine's state: what is being built is seen at once, what was refused is gone, what was accepted stays.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Journal } from '../ingest/journal/journal.ts';
import type { StateChange } from '../ingest/journal/messages.ts';
import { makeBatch, makeEvent, makeFolder, openJournal } from './ingest-world.ts';

const put = (key: string, value: unknown, at: string[] = []): StateChange => ({
  kind: 'entry',
  key,
  value,
  indexed: { at },
});

test('a change is visible as soon as its batch is built, and stays when it is accepted', async (t) => {
  const folder = makeFolder(t);
  const journal = await Journal.open(folder);
  const accepted = journal.accept(() => ({ events: [], state: [put('b', { n: 1 }, ['x', 'y']), put('a', 2, ['x'])] }));
  const check = (state: Journal['state']) => {
    assert.deepEqual(state.get('entry', 'b'), { n: 1 });
    assert.deepEqual(state.find('entry', 'at', 'x'), ['a', 'b']);
    assert.deepEqual(state.find('entry', 'at', 'y'), ['b']);
    assert.deepEqual(state.keys('entry'), ['a', 'b']);
  };
  check(journal.state);
  await accepted;
  check(journal.state);
  await journal.close();
  check((await openJournal(t, folder)).state);
});

test('a changed index and a removed value are not found by what they were', async (t) => {
  const journal = await openJournal(t);
  await journal.accept(() => ({ events: [], state: [put('a', 1, ['x']), put('b', 1, ['x'])] }));
  const accepted = journal.accept(() => ({ events: [], state: [put('a', 2, ['y']), put('b', null)] }));
  for (const _ of ['while being accepted', 'after']) {
    assert.deepEqual(journal.state.find('entry', 'at', 'x'), []);
    assert.deepEqual(journal.state.find('entry', 'at', 'y'), ['a']);
    assert.equal(journal.state.get('entry', 'b'), undefined);
    assert.deepEqual(journal.state.keys('entry'), ['a']);
    await accepted;
  }
});

test('kinds, names and values are not mixed up', async (t) => {
  const journal = await openJournal(t);
  const other: StateChange = { kind: 'object', key: 'a', value: 2, indexed: { at: ['x'], by: ['z'] } };
  await journal.accept(() => ({ events: [], state: [put('a', 1, ['z']), other] }));
  assert.equal(journal.state.get('entry', 'a'), 1);
  assert.equal(journal.state.get('object', 'a'), 2);
  assert.deepEqual(journal.state.find('entry', 'at', 'x'), []);
  assert.deepEqual(journal.state.find('object', 'at', 'z'), []);
  assert.deepEqual(journal.state.find('object', 'by', 'z'), ['a']);
});

test('what is put while a batch is built can be taken back, the last first', async (t) => {
  const journal = await openJournal(t);
  await journal.accept(() => ({ events: [], state: [put('a', 1, ['x'])] }));
  const { state } = journal;
  await journal.accept((base) => {
    const first = state.put(put('a', 2, ['y']));
    const second = state.put(put('a', null));
    const third = state.put(put('b', 1, ['x']));
    assert.equal(state.get('entry', 'a'), undefined);
    assert.deepEqual(state.find('entry', 'at', 'x'), ['b']);
    third();
    second();
    assert.equal(state.get('entry', 'a'), 2);
    assert.deepEqual(state.find('entry', 'at', 'y'), ['a']);
    first();
    assert.equal(state.get('entry', 'a'), 1);
    assert.deepEqual(state.find('entry', 'at', 'x'), ['a']);
    assert.deepEqual(state.find('entry', 'at', 'y'), []);
    return makeBatch(base, 1);
  });
  assert.deepEqual(state.keys('entry'), ['a']);
});

test('an older batch being accepted does not hide the newer one in flight', async (t) => {
  const journal = await openJournal(t);
  const first = journal.accept(() => ({ events: [], state: [put('a', 1, ['x'])] }));
  const second = journal.accept(() => ({ events: [], state: [put('a', 2, ['y'])] }));
  await first;
  assert.equal(journal.state.get('entry', 'a'), 2);
  assert.deepEqual(journal.state.find('entry', 'at', 'x'), []);
  assert.deepEqual(journal.state.find('entry', 'at', 'y'), ['a']);
  await second;
  assert.equal(journal.state.get('entry', 'a'), 2);
});

test('what a refused batch and those after it changed is gone, what was accepted before is there', async (t) => {
  const journal = await openJournal(t);
  await journal.accept(() => ({ events: [], state: [put('a', 1, ['x'])] }));
  await Promise.allSettled([
    journal.accept(() => ({ events: [makeEvent({ causes: [5] })], state: [put('a', 2, ['y']), put('b', 1, ['x'])] })),
    journal.accept(() => ({ events: [], state: [put('c', 1, ['x'])] })),
  ]);
  assert.equal(journal.state.get('entry', 'a'), 1);
  assert.deepEqual(journal.state.find('entry', 'at', 'x'), ['a']);
  assert.deepEqual(journal.state.find('entry', 'at', 'y'), []);
  assert.deepEqual(journal.state.keys('entry'), ['a']);
});

const KEYS = ['a', 'b', 'ä', '😀', '\uffff'];

test('after any changes, in flight and accepted alike, the state is that of a plain map', async (t) => {
  const change = fc.record({
    key: fc.constantFrom(...KEYS),
    value: fc.option(fc.integer({ min: 0, max: 3 })),
    at: fc.uniqueArray(fc.constantFrom('x', 'y', 'z')),
  });
  const folder = makeFolder(t);
  const journal = await openJournal(t, folder);
  const model = new Map<string, { value: number; at: string[] }>();
  const check = () => {
    const sorted = (keys: Iterable<string>) => [...keys].sort();
    assert.deepEqual(journal.state.keys('entry'), sorted(model.keys()));
    for (const key of KEYS) assert.equal(journal.state.get('entry', key), model.get(key)?.value);
    for (const at of ['x', 'y', 'z']) {
      const expected = [...model].filter(([, held]) => held.at.includes(at)).map(([key]) => key);
      assert.deepEqual(journal.state.find('entry', 'at', at), sorted(expected));
    }
  };
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(change, { minLength: 1, maxLength: 4 }), { maxLength: 4 }), async (batches) => {
      const accepted = batches.map((changes) => {
        // One change of a key in a batch, as a unit of work makes it.
        const last = new Map(changes.map((each) => [each.key, each]));
        for (const { key, value, at } of last.values()) {
          if (value === null) model.delete(key);
          else model.set(key, { value, at });
        }
        return journal.accept(() => ({
          events: [],
          state: [...last.values()].map(({ key, value, at }) => put(key, value, at)),
        }));
      });
      check();
      await Promise.all(accepted);
      check();
    }),
    { numRuns: 60 },
  );
});
