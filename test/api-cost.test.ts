// What an answer cost stands beside it, whoever asks.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { z } from 'zod';
import { localAccess } from '../api/access/access.ts';
import { ApiWorld, liveHalfAYear } from './api/world.ts';

let world: ApiWorld;
before(async () => {
  world = await ApiWorld.open();
  await liveHalfAYear(world);
});
after(() => world.close());

const costSchema = z.strictObject({
  statements: z.int(),
  rowsRead: z.int(),
  bytesRead: z.int(),
  milliseconds: z.int(),
});

async function costOf(query: string, access: Parameters<ApiWorld['installation']['ask']>[2] = localAccess('test')) {
  const { errors, extensions } = await world.installation.ask(query, {}, access, (error) => world.reported.push(error));
  assert.equal(errors, undefined, JSON.stringify(errors));
  return costSchema.parse(extensions?.cost);
}

test('an answer says how many statements it took, what they read and how long they worked', async () => {
  const nothing = await costOf('{ log { size } viewer { name } }');
  assert.deepEqual(nothing, { statements: 0, rowsRead: 0, bytesRead: 0, milliseconds: 0 });
  const one = await costOf('{ change(sequence: 5) { stage } }');
  assert.equal(one.statements, 1);
  assert.ok(one.rowsRead >= 1 && one.bytesRead > 8 && one.milliseconds >= 1, JSON.stringify(one));
  const both = await costOf(
    '{ change(sequence: 5) { stage } changesByDay(from: "2024-01-01T00:00:00Z", to: "2024-12-31T00:00:00Z") { count } }',
  );
  assert.equal(both.statements, 2);
  assert.ok(both.rowsRead > one.rowsRead);
});

test('a page of changes takes no statement a row', async () => {
  const query = (first: number) =>
    `{ changes(first: ${first}) { nodes { sequence object { name } values { reference { name } } ledTo(first: 2) { sequence } } } }`;
  const [few, many] = [await costOf(query(3)), await costOf(query(200))];
  assert.ok(many.statements <= few.statements + 3, `${few.statements} ${many.statements}`);
});

test('what is read to find out whom a manager sees is counted as well', async () => {
  const manager = { ...localAccess('mona'), roles: ['manager'] as const, identity: '1' };
  const all = await costOf('{ changes(first: 1) { nodes { sequence } } }');
  assert.ok((await costOf('{ changes(first: 1) { nodes { sequence } } }', manager)).statements > all.statements);
});
