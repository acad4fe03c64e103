// Who asks something while a run writes waits for the batches before the read, and for the thread of the engine: the run
// makes small batches, lets others have their turn between them, and a read waits behind none that is not on its way yet.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readEvent } from '../api/reads/read-event.ts';
import { ReadRecorder } from '../api/reads/recorder.ts';
import { MOST_IN_BATCH } from '../engine/run-step.ts';
import { company } from './engine-company.ts';
import { inWorld, type Row } from './engine-world.ts';
import { makeBatch, openJournal } from './ingest-world.ts';

const read = readEvent({
  viewer: 'a',
  question: 'changes',
  parameters: [],
  outcome: 'answered',
  rows: 1,
  watermark: 0,
});

const COLUMNS = ['id', 'name', 'title', 'phone', 'status', 'projects', 'manager', 'by'];
const INWARD = { groups: false, provisioning: 'when: "false"\ndn: "\'uid=\' + object.id"' };
const people = (count: number): Row[] =>
  Array.from({ length: count }, (_, id) => ({
    id: `${id}`,
    name: `Person ${id}`,
    title: `Title ${id}`,
    phone: `${id}`,
  }));

test('a batch of a run is small, whatever it has to write', async () => {
  await inWorld(company(INWARD), async (world) => {
    world.csv('hr.csv', people(1200), COLUMNS);
    const batches: { events: number; values: number }[] = [];
    let from = world.journal.size;
    const forget = world.journal.onAccepted((size) => {
      const events = world.events().slice(from, size);
      batches.push({ events: events.length, values: events.reduce((sum, { values }) => sum + values.length, 0) });
      from = size;
    });
    const { result } = await world.run('hr', 'full');
    forget();
    assert.equal(result, 'success');
    assert.equal(world.objects().length, 1200);
    // An entry of this company has less than 50 of both.
    for (const { events, values } of batches) assert.ok(events + values <= MOST_IN_BATCH + 50, `${events} ${values}`);
    assert.ok(batches.length > 10);
  });
});

test('a run that finds nothing new lets others have their turn between its batches', async () => {
  await inWorld(company(INWARD), async (world) => {
    world.csv('hr.csv', people(3000), COLUMNS);
    await world.run('hr', 'full');
    let turns = 0;
    let isOver = false;
    const count = () => {
      turns += 1;
      if (!isOver) setImmediate(count);
    };
    const atBatch: number[] = [];
    world.beforeBatch(() => atBatch.push(turns));
    setImmediate(count);
    await world.run('hr', 'import');
    isOver = true;
    // One before the image is read, and six batches of five hundred entries that are as they were.
    assert.equal(atBatch.length, 7);
    assert.equal(new Set(atBatch).size, 7, `turns at each batch: ${atBatch.join(', ')}`);
  });
});

test('a read goes before the batches that wait for room', async (t) => {
  const journal = await openJournal(t);
  const recorder = new ReadRecorder(journal);
  const order: string[] = [];
  const batch = (name: number) => journal.accept((base) => makeBatch(base, 5000)).then(() => order.push(`${name}`));
  const batches = Array.from({ length: 8 }, (_, index) => batch(index));
  assert.equal(journal.inFlight.events, 20_000, 'four of them are on their way, the others wait');
  await Promise.all([...batches, recorder.record([read]).then(() => order.push('read'))]);
  assert.deepEqual(order, ['0', '1', '2', '3', 'read', '4', '5', '6', '7']);
  assert.equal(journal.size, 40_001);
});
