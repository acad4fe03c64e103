// Questions that are too much, over HTTP: each is refused at once, with a code, and with a sentence that says how much is too much
// and what to do.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Refused, SignInWorld } from './sign-in-world.ts';

const AT_ONCE_MS = 2000;
const closing: (() => unknown)[] = [];
let world: SignInWorld;
before(async () => {
  world = await SignInWorld.open({ after: (close) => closing.push(close) });
});
after(async () => {
  for (const close of closing.reverse()) await close();
});

async function refusal(query: string, variables: Record<string, unknown> = {}): Promise<Refused> {
  const began = performance.now();
  const type = { 'content-type': 'application/json', accept: 'application/json', ...world.commandLine };
  const { status, text } = await world.send('POST', '/graphql', type, JSON.stringify({ query, variables }));
  assert.ok(performance.now() - began < AT_ONCE_MS, `${query.slice(0, 80)}: ${performance.now() - began} ms`);
  assert.ok(status === 200 || (status >= 400 && status < 500), `${status}`);
  const { errors = [], data } = JSON.parse(text) as { errors?: Refused[]; data?: unknown };
  assert.ok(data === undefined || data === null, text.slice(0, 200));
  assert.ok(errors[0], query.slice(0, 80));
  return errors[0];
}

const each = (count: number, make: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => make(i)).join(' ');

const TOO_MUCH: [what: string, query: string, sentence: RegExp][] = [
  ['ten thousand aliases', `{ ${each(10_000, (i) => `a${i}:log{size}`)} }`, /The request is too large|10000 tokens/],
  [
    'a thousand questions',
    `{ ${each(1000, (i) => `a${i}: objectCount`)} }`,
    /asks more than 50 things at once; ask in parts/,
  ],
  ['two thousand fields of one name', `{ log { ${'size '.repeat(2001)} } }`, /more than 2000 fields; ask in parts/],
  [
    'as many in a fragment that nothing uses',
    `{ log { size } } fragment f on LogStatus { ${'size '.repeat(2001)} }`,
    /more than 2000 fields/,
  ],
  [
    'fragments that use one another in a circle',
    '{ log { ...a } } fragment a on LogStatus { size ...b } fragment b on LogStatus { size ...a }',
    /Cannot spread fragment "a" within itself via "b"/,
  ],
  [
    'fragments that use the next one twice',
    `{ log { ...f0 } } ${each(40, (i) => `fragment f${i} on LogStatus { ...f${i + 1} ...f${i + 1} }`)} fragment f40 on LogStatus { size }`,
    /more than 2000 fields/,
  ],
  [
    'a directive a thousand times',
    `{ log { size ${'@include(if: true) '.repeat(1000)} } }`,
    /directive "@include" can only be used once/,
  ],
  ['directives that there are not', `{ log { size ${'@x '.repeat(3000)} } }`, /Unknown directive "@x"/],
  ['two thousand variables', `query (${each(2000, (i) => `$a${i}: Int`)}) { log { size } }`, /is never used/],
  [
    'the types of the types of the types',
    `{ __schema { types { ${'fields { type { '.repeat(5)} name ${'} } '.repeat(5)} } } }`,
    /Maximum introspection depth exceeded/,
  ],
  [
    'lists within lists',
    '{ changes(first: 1000) { nodes { ledTo(first: 1000) { sequence } } } }',
    /could give 1,00\d,\d{3} things, and one may give 200,000; ask for shorter lists \(first\)/,
  ],
  [
    'the same through aliases and fragments',
    `{ changes(first: 1000) { nodes { ${each(30, (i) => `a${i}: causedBy { ...f }`)} } } } fragment f on Change { sequence }`,
    /could give 3\d\d,\d{3} things/,
  ],
  [
    'the same where nothing says how many',
    '{ changes { nodes { ledTo { ledTo { values { attribute } } } } } }',
    /could give 5,\d{3},\d{3} things/,
  ],
];

for (const [what, query, sentence] of TOO_MUCH)
  test(`refused at once: ${what}`, async () => {
    const { message, extensions } = await refusal(query);
    assert.match(message, sentence);
    assert.match(
      extensions.code,
      /could give/.test(message) ? /^COST_LIMIT$/ : /^(BAD_USER_INPUT|GRAPHQL_(PARSE|VALIDATION)_FAILED)$/,
    );
  });

test('how many is counted from the variables, and from what they are where they are not given', async () => {
  const query = 'query ($n: Int = 1000) { changes(first: $n) { nodes { ledTo(first: $n) { sequence } } } }';
  assert.equal((await refusal(query)).extensions.code, 'COST_LIMIT');
  assert.equal((await refusal(query, { n: 1000 })).extensions.code, 'COST_LIMIT');
  assert.equal((await world.ask(query.replace('1000', '10'))).errors, undefined);
});

test('what costs too much is refused to whoever follows changes as well, and is a read', async () => {
  const query =
    'subscription { followChanges(from: 0) { nodes { ledTo(first: 1000) { ledTo(first: 1000) { sequence } } } } }';
  const headers = { ...world.commandLine, 'content-type': 'application/json', accept: 'text/event-stream' };
  const { text } = await world.send('POST', '/graphql', headers, JSON.stringify({ query }));
  assert.match(text, /"code":"COST_LIMIT"/);
  await world.api.delivered();
  const read = world.api.events().findLast(({ stage }) => stage === 'read');
  assert.deepEqual([read?.outcome, read?.error], ['refused', 'cost-limit']);
});

test('variables of all shapes are refused in a short sentence', async () => {
  const deep = `${'['.repeat(3000)}${']'.repeat(3000)}`;
  const wide = JSON.stringify(Array.from({ length: 20_000 }, () => 1));
  const long = JSON.stringify('x'.repeat(90_000));
  for (const from of [long, deep, wide, `{"a":{"b":${long}}}`]) {
    const query = 'query ($from: DateTime) { changes(filter: { from: $from }) { watermark } }';
    const { message, extensions } = await refusal(query, JSON.parse(`{"from":${from}}`));
    assert.equal(extensions.code, 'BAD_USER_INPUT');
    assert.match(message, /is no instant; write it with its zone/);
    assert.ok(message.length < 1000, `${message.length} characters`);
  }
  const query = 'query ($s: Sequence!) { change(sequence: $s) { stage } }';
  const { message } = await refusal(query, { s: 'x'.repeat(90_000) });
  assert.match(message, /is no sequence number/);
  assert.ok(message.length < 1000, `${message.length} characters`);
});

test('half a character in what is to be done is refused: no event could hold it', async () => {
  const query = 'mutation ($why: String!) { addHold(who: "Ann", why: $why) { who } }';
  const { message, extensions } = await refusal(query, { why: 'a \ud800 case' });
  assert.deepEqual(
    [extensions.code, message.slice(0, 50)],
    ['BAD_USER_INPUT', 'A text that was given has half a character (a lone'],
  );
});
