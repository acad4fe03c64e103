// Question 11: who looked at what? By every filter, in stable pages, in GraphQL and on the command line; and asking it is
// a read as well, once.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { localAccess } from '../api/access/access.ts';
import { ApiWorld } from './api/world.ts';
import { makeCompany, metatrail, signIn, startService } from './service-world.ts';

let world: ApiWorld;
let anne: string;
let red: string;

before(async () => {
  world = await ApiWorld.open();
  world.hr('2024-01', [{ id: '1', name: 'Änne Müller', department: 'Sales', projects: 'Red', by: 'carol' }]);
  await world.run('hr', 'full');
  anne = world.id('Änne Müller');
  red = world.id('Red');
  const { installation } = world;
  const as = (viewer: string, text: string) => installation.ask(text, {}, localAccess(viewer));
  await as('erika', `{ object(id: "${anne}") { name } }`);
  await as('erika', `{ holders(entitlement: "${red}") { watermark } }`);
  await as(
    'max',
    `{ changes(first: 2, filter: { object: "${anne}", attribute: "unicodePwd", value: "p" }) { watermark } }`,
  );
  await as('max', '{ object(id: "nobody") { name } objectCount }');
  const report = await installation.produceReport('access', { at: '2024-03-31', entitlement: red }, localAccess('max'));
  report.pdf.destroy();
  await world.delivered();
});
after(() => world.close());

interface Asked {
  nodes: {
    sequence: number;
    at: string;
    viewer: string;
    question: string;
    outcome: string;
    error: string | null;
    rows: number | null;
    answeredAt: number;
    object: { id: string; name: string | null } | null;
    parameters: { name: string; type: string; value: string | null; reference: { name: string } | null }[];
  }[];
  pageInfo: { hasNextPage: boolean; endCursor: string };
  watermark: number;
}

async function reads(filter: Record<string, unknown>, more: Record<string, unknown> = {}): Promise<Asked> {
  const text = `query ($filter: ReadFilter, $first: Int, $after: String) { reads(filter: $filter, first: $first, after: $after) {
    nodes { sequence at viewer address question fields outcome error rows answeredAt object { id name }
      parameters { name type value reference { name } } }
    pageInfo { hasNextPage endCursor } watermark } }`;
  return (await world.data<{ reads: Asked }>(text, { filter, ...more })).reads;
}

const told = ({ nodes }: Asked) => nodes.map(({ viewer, question, outcome }) => `${viewer} ${question} ${outcome}`);

test('each filter finds the reads that it describes, newest first', async () => {
  const erikas = ['erika holders answered', 'erika object answered'];
  assert.deepEqual(told(await reads({ viewer: 'erika' })), erikas);
  const maxs = ['max report answered', 'max objectCount answered', 'max object refused', 'max changes answered'];
  assert.deepEqual(told(await reads({ viewer: 'max' })), maxs);
  assert.deepEqual(told(await reads({ object: anne.toUpperCase() })), [
    'max changes answered',
    'erika object answered',
  ]);
  assert.deepEqual(told(await reads({ object: red })), ['max report answered', 'erika holders answered']);
  assert.deepEqual(told(await reads({ question: 'object' })), ['max object refused', 'erika object answered']);
  assert.deepEqual(told(await reads({ outcome: 'refused' })), ['max object refused']);
  assert.deepEqual(told(await reads({ viewer: 'max', question: 'object', outcome: 'answered' })), []);
  // A parameter that says the same as a question's name is none.
  await world.ask('{ objects(search: "holders") { name } }');
  await world.delivered();
  assert.deepEqual(told(await reads({ question: 'holders' })), ['erika holders answered']);
  const [last] = (await reads({ viewer: 'erika' })).nodes;
  assert.deepEqual(told(await reads({ viewer: 'erika', from: last?.at })), ['erika holders answered']);
  assert.deepEqual(told(await reads({ viewer: 'erika', to: last?.at })), erikas);
});

test('a read tells who, what, with which parameters and how much; a secret is said to be withheld', async () => {
  const [changes] = (await reads({ viewer: 'max', question: 'changes' })).nodes;
  assert.ok(changes);
  assert.deepEqual([changes.object, changes.rows, changes.error], [{ id: anne, name: 'Änne Müller' }, 1, null]);
  assert.ok(changes.answeredAt > 5 && changes.answeredAt <= changes.sequence);
  assert.deepEqual(
    changes.parameters.map(({ name, type, value, reference }) => [name, type, value, reference?.name]),
    [
      ['filter/attribute', 'string', 'unicodePwd', undefined],
      ['filter/object', 'reference', anne, 'Änne Müller'],
      ['filter/value', 'string', null, undefined],
      ['first', 'integer', '2', undefined],
    ],
  );
});

test('its pages stay as they are while their own reading adds to the log', async () => {
  const all = (await reads({}, { first: 1000 })).nodes.map(({ sequence }) => sequence);
  const seen: number[] = [];
  let page = await reads({}, { first: 3 });
  for (;;) {
    seen.push(...page.nodes.map(({ sequence }) => sequence));
    if (!page.pageInfo.hasNextPage) break;
    page = await reads({}, { first: 3, after: page.pageInfo.endCursor });
  }
  const sameAsThen = seen.filter((sequence) => sequence <= (all[0] ?? 0));
  assert.deepEqual(sameAsThen, all);
});

test('to ask who looked is one read, and leads to no other', async () => {
  await world.delivered();
  const { journal, shipper } = world.installation.log;
  const before = journal.size;
  await reads({ viewer: 'erika' });
  assert.equal(journal.size, before + 1);
  await shipper.delivered(journal.size);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  assert.deepEqual([journal.size, shipper.shipped], [before + 1, before + 1]);
});

test('the command line leaves reads with and without the service, and tells them', { timeout: 240_000 }, async (t) => {
  const company = makeCompany(t);
  assert.equal((await metatrail(company, 'run', 'hr', 'full')).status, 0);
  assert.equal((await metatrail(company, 'query', '{ objectCount }')).status, 0);
  const out = `${company.folder}/access.pdf`;
  assert.equal((await metatrail(company, 'report', 'access', '--at', '2030-01-01', '--out', out)).status, 0);
  const service = await startService(t, company);
  await metatrail(company, 'status');
  const cookie = await signIn(service);
  await fetch(`${service.url}graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', cookie, 'x-metatrail': '1' },
    body: JSON.stringify({ query: '{ runs { pageInfo { hasNextPage } } }' }),
  });
  const listed = async (...options: string[]) => {
    const { stdout } = await metatrail(company, 'reads', ...options);
    const { reads: found } = JSON.parse(stdout) as {
      reads: { nodes: { viewer: string; address: string | null; question: string }[] };
    };
    return found.nodes.map(({ viewer, address, question }) => [viewer, address, question]);
  };
  const expected = [
    ['local administrator', '127.0.0.1', 'runs'],
    ['command line', '127.0.0.1', 'agents'],
    ['command line', null, 'report'],
    ['command line', null, 'objectCount'],
  ];
  // The service answers up to what is delivered, which follows in less than a second.
  await new Promise((resolve) => setTimeout(resolve, 2000));
  assert.deepEqual(await listed(), expected);
  await service.stop();
  assert.deepEqual(await listed('--viewer', 'local administrator'), [expected[0]]);
  assert.deepEqual(await listed('--question', 'report', '--outcome', 'answered'), [expected[2]]);
  // Who is not let have something has learnt that it is there; who makes a copy has all that is in it.
  assert.equal((await metatrail(company, 'hold', 'remove', '0', '--who', 'counsel', '--why', 'closed')).status, 1);
  assert.deepEqual(await listed('--outcome', 'refused'), [['command line', null, 'removeHold']]);
  assert.equal((await metatrail(company, 'replay', '--into', `${company.folder}/rebuilt`)).status, 0);
  assert.deepEqual(await listed('--question', 'replay'), [['command line', null, 'replay']]);
});
