// The eleven questions as tools: each is asked by the SDK's own client of `metatrail mcp`, and answered as GraphQL answers a
// question written apart from the tool's own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse, validate } from 'graphql';
import { schema } from '../api/graphql/schema.ts';
import { TOOLS } from '../api/mcp/server.ts';
import { liveHalfAYear } from './api/world.ts';
import { Assistant, withToken } from './mcp-world.ts';
import { bearer, SignInWorld } from './sign-in-world.ts';

interface Case {
  tool: string;
  given: Record<string, unknown>;
  /** Asks the same, of fewer fields. */
  query: string;
  /** What must be in the text of the answer, so that no empty answer passes. */
  has: RegExp;
}

const PERIOD = 'from: "2024-01-01T00:00:00Z", to: "2024-06-30T00:00:00Z"';
const IN_PERIOD = { from: '2024-01-01T00:00:00Z', to: '2024-06-30T00:00:00Z' };
const AT = '2024-02-15T00:00:00Z';

/** What the questions are about. */
function subjectsOf({ api }: SignInWorld) {
  const exported = api.sequences(({ stage, outcome }) => stage === 'export' && outcome === 'export-add')[0] ?? 0;
  const run = api.events().find(({ stage, agent }) => stage === 'run' && agent === 'directory')?.sequence ?? 0;
  const root = api.events()[exported]?.root ?? 0;
  return { bob: api.id('Bob Beech'), red: api.id('Red'), exported, root, run, earlier: exported - 1 };
}
type Subjects = ReturnType<typeof subjectsOf>;

function casesOf(world: SignInWorld): Case[] {
  const subjects = subjectsOf(world);
  return [...objectCases(subjects), ...changeCases(subjects), ...OTHER_CASES];
}

function objectCases({ bob, red, earlier }: Subjects): Case[] {
  const object = (fields: string) => `{ object(id: "${bob}") { name ${fields} } }`;
  return [
    {
      tool: 'search',
      given: { text: 'Bob Beach' },
      query: '{ search(text: "Bob Beach", first: 20) { text object { id } } }',
      has: /Bob Beech/,
    },
    {
      tool: 'history',
      given: { id: bob, first: 5 },
      query: object('history(first: 5) { nodes { sequence stage outcome } }'),
      has: /"stage"/,
    },
    {
      tool: 'history',
      given: { id: bob, attribute: 'lastDay' },
      query: object('history(filter: { attribute: "lastDay" }) { nodes { sequence values { attribute old new } } }'),
      has: /2024-03-15/,
    },
    {
      tool: 'state',
      given: { id: bob, at: AT },
      query: object(`state(at: "${AT}") { systems { agent dn attributes { name values { value setBy } } } }`),
      has: /cn=Bob Beech,dc=corp/,
    },
    {
      tool: 'difference',
      given: { id: bob, from: AT, to: '2024-06-01T00:00:00Z' },
      query: object(
        `difference(from: "${AT}", to: "2024-06-01T00:00:00Z") { systems { agent attributes(changed: true) { name gone { value goneBy } } } }`,
      ),
      has: /goneBy":\d/,
    },
    {
      tool: 'known_then_and_now',
      given: { id: bob, watermark: earlier, at: AT },
      query: object(
        `difference(from: "${AT}", to: "${AT}", fromWatermark: ${earlier}) { fromWatermark systems { agent attributes(changed: true) { name came { setBy } } } }`,
      ),
      has: /setBy":\d/,
    },
    {
      tool: 'entitlements',
      given: { id: bob, at: AT },
      query: object(`access(at: "${AT}") { holdings { agent since grantedBy } }`),
      has: /grantedBy":\d/,
    },
    {
      tool: 'nested_entitlements',
      given: { id: bob, at: AT },
      query: object(`nestedAccess(at: "${AT}") { holdings { agent direct path { grantedBy } } }`),
      has: /"path":\[\{/,
    },
    {
      tool: 'holders',
      given: { entitlement: red, at: AT },
      query: `{ nestedHolders(entitlement: "${red}", at: "${AT}") { holdings { agent direct holder { name } } } }`,
      has: /Bob Beech/,
    },
  ];
}

function changeCases({ exported, root, run }: Subjects): Case[] {
  const changes = (filter: string) =>
    `{ changes(filter: { ${filter} }, first: 20) { nodes { sequence outcome values { attribute new } } } }`;
  return [
    { tool: 'changes', given: { initiator: 'carol' }, query: changes('initiator: "carol"'), has: /carol/ },
    {
      tool: 'changes',
      given: { run, agent: 'directory' },
      query: changes(`run: ${run}, agent: "directory"`),
      has: /"agent":"directory"/,
    },
    {
      tool: 'attribute_changes',
      given: { attribute: 'cn', value: 'Bob Beech' },
      query: changes('attribute: "cn", value: "Bob Beech"'),
      has: /Bob Beech/,
    },
    {
      tool: 'out_of_band',
      given: { agent: 'directory' },
      query: changes('outOfBand: true, agent: "directory"'),
      has: /shadowExpire/,
    },
    {
      tool: 'change',
      given: { sequence: exported },
      query: `{ change(sequence: ${exported}) { sequence proof { leaf size } } }`,
      has: /"leaf":"[0-9a-f]{64}"/,
    },
    {
      tool: 'causes',
      given: { sequence: exported },
      query: `{ change(sequence: ${exported}) { cameFrom { delayMicros cause change { sequence stage } } } }`,
      has: /"delayMicros":\d/,
    },
    {
      tool: 'effects',
      given: { sequence: root, first: 50 },
      query: `{ change(sequence: ${root}) { ledToMore(first: 50) wentTo(first: 50) { cause change { sequence stage } } } }`,
      has: /"export"/,
    },
  ];
}

const OTHER_CASES: readonly Case[] = [
  {
    tool: 'joiners_movers_leavers',
    given: IN_PERIOD,
    query: `{ people(${PERIOD}) { joiners { change } movers { attribute change { sequence } } leavers { atKnown change } } }`,
    has: /"atKnown":"leaving-date"/,
  },
  {
    tool: 'leaver_delays',
    given: IN_PERIOD,
    query: `{ people(${PERIOD}) { leaverDelays { agent closed open p95Hours } leavers { accounts { agent hours } } } }`,
    has: /"agent":"badge"/,
  },
  {
    tool: 'open_exports',
    given: { states: ['unconfirmed'] },
    query:
      '{ openExports(states: ["unconfirmed"], first: 20) { counts { agent count } nodes { since change { sequence } } } }',
    has: /"counts"/,
  },
  {
    tool: 'runs',
    given: { agent: 'directory', first: 3 },
    query: '{ runs(agent: "directory", first: 3) { nodes { sequence result } pageInfo { endCursor } } }',
    has: /success/,
  },
  {
    tool: 'who_looked',
    given: { viewer: 'token auditor', question: 'search' },
    query:
      '{ reads(filter: { viewer: "token auditor", question: "search" }, first: 20) { nodes { sequence question through } } }',
    has: /mcp\/search/,
  },
  { tool: 'agents', given: {}, query: '{ agents { name runProfiles } }', has: /directory/ },
  { tool: 'whoami', given: {}, query: '{ viewer { name roles withheld } }', has: /token auditor/ },
];

test('each question is a tool that answers as GraphQL does, leaves a read that says so, and is read-only', {
  timeout: 240_000,
}, async (t) => {
  const world = await SignInWorld.open(t);
  await liveHalfAYear(world.api);
  const { secret } = await world.makeToken('auditor', ['auditor']);
  const assistant = await Assistant.start(t, withToken(t, world.url, secret));
  const { tools } = await assistant.client.listTools();
  const cases = casesOf(world);
  assert.deepEqual(tools.map(({ name }) => name).sort(), [...new Set(cases.map(({ tool }) => tool))].sort());
  for (const { name, title, description = '', annotations, outputSchema, inputSchema } of tools) {
    assert.equal(annotations?.readOnlyHint, true, name);
    assert.equal(annotations?.destructiveHint, false, name);
    assert.ok(title && description.length > 40 && outputSchema, name);
    for (const [argument, of] of Object.entries(inputSchema.properties ?? {}))
      assert.match(JSON.stringify(of), /"description":".{10}/, `${name} ${argument}`);
  }
  for (const { tool, given, query, has } of cases) {
    const { told, text } = await assistant.ask(tool, given);
    assert.match(text, has, tool);
    const { data, errors } = await world.ask(query, bearer(secret));
    assert.equal(errors, undefined, `${tool} ${JSON.stringify(errors)}`);
    const [expected] = Object.values(data as Record<string, unknown>);
    // Its own reads come between the two questions.
    if (tool !== 'who_looked') assert.partialDeepStrictEqual(told.answer, expected, tool);
    assert.deepEqual(told.withheld, ['sensitive'], tool);
    assert.equal(told.gone, null);
    if (told.evidence.length > 0) assert.ok(told.evidence.every((sequence) => sequence < world.api.events().length));
  }
  const reads = world.api
    .events()
    .filter(({ stage }) => stage === 'read')
    .map(({ initiator, address, values }) => [
      initiator,
      address,
      values.find(({ attribute }) => attribute === 'through')?.new,
    ]);
  for (const { tool } of cases.filter(({ tool }) => !['agents', 'whoami'].includes(tool)))
    assert.ok(
      reads.some((read) => read.join() === `token auditor,127.0.0.1,mcp/${tool}`),
      tool,
    );
});

test('pages go on where they ended, on the watermark of the first, and what is long is cut and said', async (t) => {
  const world = await SignInWorld.open(t);
  await liveHalfAYear(world.api);
  const { secret } = await world.makeToken('auditor', ['auditor']);
  const assistant = await Assistant.start(t, withToken(t, world.url, secret));
  const sequencesOf = (answer: unknown) =>
    (answer as { nodes: { sequence: number }[] }).nodes.map(({ sequence }) => sequence);
  const all = sequencesOf((await assistant.ask('changes', { agent: 'directory', first: 100 })).told.answer);
  const paged: number[] = [];
  let cursor: string | null = null;
  let watermark: number | undefined;
  do {
    const { told }: Awaited<ReturnType<Assistant['ask']>> = await assistant.ask('changes', {
      agent: 'directory',
      first: 30,
      ...(cursor !== null && { after: cursor }),
      ...(watermark !== undefined && { watermark }),
    });
    watermark ??= told.watermark;
    assert.equal(told.watermark, watermark);
    paged.push(...sequencesOf(told.answer));
    cursor = told.cursor;
  } while (cursor !== null && paged.length < all.length);
  assert.ok(all.length > 60, String(all.length));
  assert.deepEqual(paged.slice(0, all.length), all);
  await world.api.accept({ stage: 'import', outcome: 'stage-update', agent: 'hr', error: 'x'.repeat(9000) });
  const long = await assistant.ask('changes', { agent: 'hr', first: 1 });
  assert.deepEqual(long.told.cut, [{ where: 'nodes/0/error', what: 'characters', shown: 4000, of: 9000 }]);
  assert.match(long.text, /Something is left out: see cut\.$/);
});

test('the question of every tool fits the schema and asks for one thing', () => {
  for (const { name, document } of TOOLS) {
    const parsed = parse(document);
    assert.deepEqual(validate(schema, parsed), [], name);
    const [operation] = parsed.definitions;
    assert.ok(operation?.kind === 'OperationDefinition' && operation.operation === 'query', name);
    assert.equal(operation.selectionSet.selections.length, 1, name);
  }
});
