// What is answered about somebody who was erased: who they were is not known any more, that somebody was there is.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ANN, BOB, CID, ErasureWorld } from './erasure-world.ts';
import { readPdf } from './reports/print.ts';

interface Answer {
  holders: { holdings: { agent: string; holder: { name: string | null } | null }[] };
  object: {
    name: string | null;
    type: string;
    history: {
      changes: {
        stage: string;
        object: { name: string | null } | null;
        values: { old: string | null; new: string | null }[];
      }[];
    };
  };
  objects: { name: string | null }[];
}

const QUESTION = `query ($group: ID!, $person: ID!, $at: DateTime) {
  holders(entitlement: $group, at: $at) { holdings { agent holder { name } } }
  object(id: $person) { name type history { changes: nodes { stage object { name } values { old new } } } }
  objects(first: 10) { name }
}`;

test('an erased person is told of as one, in every answer and report, and counts as before', async (t) => {
  const world = await ErasureWorld.open(t);
  await world.employ(ANN, BOB, CID);
  const at = new Date().toISOString();
  await world.employ({ ...BOB, manager: '' }, CID);
  const person = await world.objectOf(ANN.name);
  const variables = { group: await world.objectOf('apollo'), person, at };
  const ask = async (): Promise<Answer> => {
    const { data, errors } = await world.installation.ask(QUESTION, variables, 'auditor');
    assert.equal(errors, undefined);
    return JSON.parse(JSON.stringify(data)) as Answer;
  };
  const members = ({ holders }: Answer) => holders.holdings.map(({ holder }) => holder?.name).sort();
  const before = await ask();
  assert.deepEqual(members(before), [ANN.name, BOB.name, CID.name]);
  const { event } = await world.erase(person);
  await world.installation.log.eraser.settle();
  const erased = `an erased person (event ${event})`;
  const after = await ask();
  assert.deepEqual(members(after), [BOB.name, CID.name, erased]);
  assert.equal(after.object.name, erased);
  assert.equal(after.object.type, before.object.type);
  assert.ok(after.objects.some(({ name }) => name === erased));
  const { changes } = after.object.history;
  assert.equal(changes[0]?.stage, 'erasure', 'their history ends with it');
  assert.equal(changes[0]?.object?.name, erased);
  const own = changes.slice(1).filter(({ stage }) => stage !== 'read');
  assert.ok(own.length > 10);
  for (const { values } of own) for (const value of values) assert.deepEqual([value.old, value.new], [null, null]);
  const since = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
  const to = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
  const access = await textOf(t, world, 'access', { at: to });
  const leavers = await textOf(t, world, 'leavers', { from: since, to });
  if (access === undefined || leavers === undefined) return;
  for (const text of [access, leavers]) assert.doesNotMatch(text, /E-1001|Annabel|undefined|null/);
  assert.ok(leavers.includes(erased), leavers);
});

/** Undefined: a tool is missing, and the test is skipped. */
async function textOf(t: TestContext, world: ErasureWorld, report: string, parameters: Record<string, string>) {
  const { pdf } = await world.installation.produceReport(report, parameters, { viewer: 'auditor' });
  const chunks: Uint8Array[] = [];
  for await (const chunk of pdf) chunks.push(Buffer.from(chunk));
  return readPdf(t, Buffer.concat(chunks))?.text;
}
