// Every question and mutation of the schema with arguments that nobody sends in good faith, as every role, over HTTP: the answer is
// always one, with a typed error where it must be, and tells a manager nobody of another team.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { after, before, test } from 'node:test';
import fc, { type Arbitrary } from 'fast-check';
import { type GraphQLInputType, isEnumType, isInputObjectType, isListType, isNonNullType } from 'graphql';
import { type Access, ROLES, type Role } from '../api/access/access.ts';
import { schema } from '../api/graphql/schema.ts';
import { systemClock } from '../ingest/clock.ts';
import { type EveryField, everyField } from './every-field.ts';
import { bearer, HOUR, SignInWorld } from './sign-in-world.ts';
import { ANN, BEN, liveUnderManagers, MONA, OTTO, SENSITIVE } from './two-teams.ts';

/** All of it takes about a minute, whatever the machine. */
const MOST_MS = 60_000;
const SEED = randomInt(2 ** 31);

const closing: (() => unknown)[] = [];
let world: SignInWorld;
const asked: Record<string, Record<string, string>> = {};
let cursors: string[] = [];
let ids: string[] = [];
/** Whom Mona is told nothing of. */
let others: RegExp;

before(async () => {
  world = await SignInWorld.open({ after: (close) => closing.push(close) });
  await liveUnderManagers(world.api);
  for (const role of ROLES.filter((each) => each !== 'manager')) asked[role] = await headersOf(role, [role]);
  asked.mona = await headersOf('mona', ['manager'], '1');
  asked['a manager without people'] = await headersOf('nobody', ['manager'], '6');
  asked['all roles'] = world.commandLine;
  await world.api.delivered();
  ids = [...new Set(world.api.events().map(({ object }) => object ?? ''))].filter((id) => id !== '');
  cursors = await findCursors();
  others = new RegExp([OTTO, BEN, world.api.id(OTTO), world.api.id(BEN)].join('|'));
});
after(async () => {
  for (const close of closing.reverse()) await close();
});

async function headersOf(name: string, roles: Role[], identity?: string): Promise<Record<string, string>> {
  const access: Access = { viewer: 'test', roles: ['administrator'] };
  const wanted = { name, roles, identity, expiresAt: systemClock() + 24 * HOUR };
  const { secret } = await world.signIn.tokens.create(wanted, { ...access, why: 'a test' });
  return bearer(secret);
}

/** Of several questions, each with filters of its own. */
async function findCursors(): Promise<string[]> {
  const id = world.api.id(ANN);
  const { data } = await world.ask(`{
    changes(first: 3) { edges { cursor } } runs(first: 2) { edges { cursor } } hr: runs(agent: "hr", first: 2) { edges { cursor } }
    some: changes(filter: { agent: "hr" }, first: 2) { edges { cursor } } openExports(first: 2) { edges { cursor } }
    object(id: "${id}") { history(first: 2) { edges { cursor } } } }`);
  const found = [...JSON.stringify(data).matchAll(/"cursor":"([^"]+)"/g)].map(([, cursor]) => cursor ?? '');
  assert.ok(found.length >= 8);
  return found;
}

const STRINGS = [
  ...[
    "'",
    '"',
    '\\',
    "\\'",
    '\0',
    'a\0b',
    '\ud800',
    '\udfff x',
    '%',
    '_',
    '*',
    '\n',
    '\u202e',
    '🏃',
    'İ',
    'ß',
    '1e999',
    'NaN',
  ],
  ...[
    '{x:String}',
    '{watermark:UInt64}',
    "'; DROP TABLE events; --",
    '$1',
    '#{x}',
    '/*',
    '--',
    '`',
    '(?i)',
    '[',
    '((((((a+)+)+)+)+)+$',
  ],
  ...[
    'x'.repeat(10_000),
    '🏃'.repeat(500),
    'a b '.repeat(200),
    '',
    ' ',
    '../../etc/passwd',
    '__proto__',
    'constructor',
    'toString',
  ],
  ...[
    'displayName',
    'department',
    'neverWas',
    'userPassword',
    'hr',
    'directory',
    'person',
    'group',
    'Red',
    OTTO,
    MONA,
    ANN,
  ],
  ...['change:1', 'run:0', 'agent:hr', 'change:-1', 'change:99999999999999999999', 'run:NaN', 'agent:'],
];
const INSTANTS = [
  ...['2024-01-01T00:00:00Z', '2024-03-15T12:00:00.123456+05:30', '2024-12-31T00:00:00Z', '2030-01-01T00:00:00Z'],
  ...[
    '1900-01-01T00:00:00Z',
    '1969-12-31T23:59:59.999999Z',
    '2262-04-12T00:00:00Z',
    '2299-12-31T23:59:59Z',
    '0001-01-01T00:00:00Z',
  ],
  ...['2024-01-01T00:00:00', '2024-13-01T00:00:00Z', '2024-02-30T00:00:00Z', '+275760-09-13T00:00:00Z', 'now', ''],
];
const NUMBERS = [
  0,
  1,
  2,
  3,
  50,
  500,
  1000,
  1001,
  -1,
  2 ** 31 - 1,
  2 ** 31,
  -(2 ** 31),
  2 ** 53 - 1,
  2 ** 53,
  1e300,
  0.5,
];

const anyText = () =>
  fc.oneof(fc.constantFrom(...STRINGS), fc.constantFrom(...ids), fc.string({ unit: 'binary', maxLength: 50 }));
const anyCursor = () =>
  fc.oneof(
    fc.constantFrom(...cursors),
    fc.tuple(fc.constantFrom(...cursors), fc.nat(), fc.integer({ min: 1, max: 255 })).map(([cursor, at, mask]) => {
      const bytes = Buffer.from(cursor, 'base64url');
      bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ mask;
      return bytes.toString('base64url');
    }),
    fc.tuple(fc.constantFrom(...cursors), fc.nat({ max: 20 })).map(([cursor, length]) => cursor.slice(0, length)),
    anyText(),
  );

/** What fits the type most of the time, and does not at others. */
function anyOf(type: GraphQLInputType, name: string): Arbitrary<unknown> {
  const given = isNonNullType(type) ? type.ofType : type;
  const none = isNonNullType(type) ? [] : [{ weight: 3, arbitrary: fc.constantFrom(null, undefined) }];
  const wrong = fc.constantFrom<unknown>(null, 1, 'x', true, [], {}, [[[1]]], { a: { b: 1 } });
  return fc.oneof(...none, { weight: 12, arbitrary: fitting(given, name) }, { weight: 1, arbitrary: wrong });
}

function fitting(type: GraphQLInputType, name: string): Arbitrary<unknown> {
  if (isListType(type)) {
    const many = fc.constant(Array.from({ length: 1000 }, (_, index) => `x${index}`));
    return fc.oneof(
      { weight: 9, arbitrary: fc.array(anyOf(type.ofType, name), { maxLength: 4 }) },
      { weight: 1, arbitrary: many },
    );
  }
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields()).map((field) => [field.name, anyOf(field.type, field.name)] as const);
    return fc.record(Object.fromEntries(fields), { requiredKeys: [] });
  }
  if (isEnumType(type)) return fc.constantFrom(...type.getValues().map((value) => value.name), 'NONE', "'");
  switch (String(type)) {
    case 'ID':
      return fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...ids) }, { weight: 1, arbitrary: anyText() });
    case 'DateTime':
      return fc.constantFrom<unknown>(...INSTANTS, 5);
    case 'Int':
      return fc.oneof(
        { weight: 2, arbitrary: fc.integer({ min: 1, max: 5 }) },
        { weight: 1, arbitrary: fc.constantFrom<unknown>(...NUMBERS, '5') },
      );
    case 'Sequence':
      return fc.oneof(
        fc.nat({ max: world.api.installation.log.journal.size }),
        fc.constantFrom<unknown>(...NUMBERS, '7', '-7', "7'"),
      );
    case 'Boolean':
      return fc.boolean();
    default:
      return name === 'after' ? anyCursor() : anyText();
  }
}

/** Of errors that say what whoever asked can put right. */
const TYPED = new Set([
  ...['BAD_USER_INPUT', 'FORBIDDEN', 'ANSWER_TOO_LARGE', 'COST_LIMIT', 'ALREADY_DONE'],
  ...['ERASURE_REFUSED', 'ERASURE_OUTDATED', 'CERTIFICATE_REFUSED', 'HOLD_UNKNOWN', 'RETENTION_UNSET'],
]);

interface Errors {
  data?: unknown;
  errors?: { message: string; extensions?: { code?: string } }[];
}

async function check(who: string, { field, query }: EveryField, variables: Record<string, unknown>): Promise<string> {
  const headers = { 'content-type': 'application/json', ...asked[who] };
  const failures = world.logged.length;
  const { status, text } = await world.send('POST', '/graphql', headers, JSON.stringify({ query, variables }));
  assert.ok(status === 200 || (status >= 400 && status < 500), `${status} ${text.slice(0, 500)}`);
  const { data, errors = [] } = JSON.parse(text) as Errors;
  for (const { message, extensions } of errors) {
    assert.ok(
      TYPED.has(extensions?.code ?? ''),
      `${extensions?.code}: ${message.slice(0, 300)} ${world.logged.slice(failures).join('')}`,
    );
    assert.doesNotMatch(
      message,
      /DB::Exception|Code: \d|SELECT |SETTINGS |FROM events|node:internal|\.ts:\d|SQLITE|Maximum call stack/,
    );
  }
  const told = JSON.stringify(data ?? null);
  if (who === 'mona') assert.doesNotMatch(told, others, field);
  // What an erasure would remove is told with its names to whoever carries it out.
  if (field !== 'erasurePlan') assert.doesNotMatch(told, SENSITIVE, `${field} as ${who}`);
  assert.deepEqual(
    world.logged.slice(failures).filter((line) => /"level":50/.test(line)),
    [],
  );
  return errors.length === 0 ? 'answered' : 'refused';
}

/** All arguments that there are, each a variable of its type. */
function everyArgument(kind: 'Query' | 'Mutation'): EveryField[] {
  const names = Object.values(schema.getTypeMap()).flatMap((type) =>
    'getFields' in type && !isInputObjectType(type)
      ? Object.values(type.getFields()).flatMap(({ args }) => args.map(({ name }) => name))
      : [],
  );
  return everyField(schema, kind, Object.fromEntries(names.map((name) => [name, null])));
}

/** The variables of an operation, by what it declares of them. */
function anyVariables({ query }: EveryField): Arbitrary<Record<string, unknown>> {
  const [head = ''] = query.split('{');
  const declared = [...head.matchAll(/\$(\w+): ([\w[\]!]+)/g)].map(([, variable = '', type = '']) => {
    const name = variable.replace(/_[^_]*$/, '');
    return [variable, anyOf(typeNamed(type), name)] as const;
  });
  return fc.record(Object.fromEntries(declared), { requiredKeys: [] });
}

/** The type as some argument of the schema has it. */
function typeNamed(text: string): GraphQLInputType {
  for (const type of Object.values(schema.getTypeMap()))
    if ('getFields' in type && !isInputObjectType(type))
      for (const { args } of Object.values(type.getFields()))
        for (const argument of args) if (String(argument.type) === text) return argument.type;
  throw new Error(`No argument of the schema is a ${text}.`);
}

test('whatever is asked, by whomever, is answered or refused with a typed error, and tells nobody of another team', {
  timeout: 3 * MOST_MS,
}, async (t) => {
  t.diagnostic(`seed ${SEED}`);
  const all = [...everyArgument('Query'), ...everyArgument('Mutation')];
  const counts = { answered: 0, refused: 0 };
  for (const each of all) {
    const property = fc.asyncProperty(
      fc.constantFrom(...Object.keys(asked)),
      anyVariables(each),
      async (who, variables) => {
        counts[(await check(who, each, variables)) === 'answered' ? 'answered' : 'refused'] += 1;
      },
    );
    await fc.assert(property, { seed: SEED, numRuns: 1000, interruptAfterTimeLimit: MOST_MS / all.length });
  }
  t.diagnostic(`${counts.answered} answered, ${counts.refused} refused, of ${all.length} fields`);
  assert.ok(counts.answered > all.length && counts.refused > all.length, JSON.stringify(counts));
});
