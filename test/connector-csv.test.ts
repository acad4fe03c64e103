import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import type { FullImage } from '../engine/connector.ts';
import { connect, DEPARTMENT, describeType, HEADER, PERSON, read } from './connector-csv-world.ts';

describe('reading rows', () => {
  test('a row becomes an entry; an empty field is an absent attribute', async () => {
    const text = `${HEADER}1, Ann ,Sales,007,TRUE,a; b;;a\n2,Bob,,,,\n`;
    const image = await read(text);
    assert.deepEqual(image.entries, [
      {
        type: 'person',
        anchor: '1',
        place: 'line 2',
        attributes: {
          id: ['1'],
          name: [' Ann '],
          department: ['Sales'],
          badge: ['7'],
          active: ['true'],
          roles: ['a', 'b'],
        },
      },
      { type: 'person', anchor: '2', place: 'line 3', attributes: { id: ['2'], name: ['Bob'] } },
    ]);
    assert.equal(image.date, undefined);
    assert.equal(image.input.bytes, Buffer.byteLength(text));
    assert.equal(image.input.sha256, createHash('sha256').update(text).digest('hex'));
  });

  for (const [name, end] of [
    ['LF', '\n'],
    ['CR LF', '\r\n'],
    ['CR', '\r'],
  ] as const) {
    test(`lines are counted right through quoted line breaks and empty lines when they end in ${name}`, async () => {
      const rows = [HEADER.trim(), '1,"Ann', 'of', 'Ems",,,,', '', '2,Bob,,x,,', '3,"C ""C""",,,,', '4,Dan'];
      const image = await read(rows.join(end));
      assert.deepEqual(
        image.entries.map(({ anchor, place }) => [anchor, place]),
        [
          ['1', 'line 2'],
          ['3', 'line 7'],
        ],
      );
      assert.deepEqual(
        image.entries.map(({ attributes }) => attributes.name),
        [[`Ann${end}of${end}Ems`], ['C "C"']],
      );
      assert.deepEqual(
        image.refused.map(({ anchor, place }) => [anchor, place]),
        [
          ['2', 'line 6'],
          ['4', 'line 8'],
        ],
      );
    });
  }

  test('lines may end in different ways within one file', async () => {
    const image = await read(`${HEADER.trim()}\r\n1,Ann,,,,\n2,Bob,,,,\r\n`);
    assert.deepEqual(
      image.entries.map(({ place }) => place),
      ['line 2', 'line 3'],
    );
  });

  test('columns that are not declared are ignored, and may be nameless', async () => {
    const image = await read('salary,id,name,department,badge,active,roles,,\n100,1,Ann,,,,,,\n');
    assert.deepEqual(image.entries[0]?.attributes, { id: ['1'], name: ['Ann'] });
  });

  test('delimiter, quote and initiator are as the settings say', async () => {
    const text = 'id|name|department|badge|active|roles|by\n1|\'A|B\'|||||\n2|"C"||||x|hr\\eve\n';
    const image = await read(text, {
      delimiter: '|',
      quote: "'",
      initiator: 'by',
    });
    assert.deepEqual(
      image.entries.map(({ initiator }) => initiator),
      [undefined, 'hr\\eve'],
    );
    assert.deepEqual(
      image.entries.map(({ attributes }) => attributes.name?.[0]),
      ['A|B', '"C"'],
    );
  });

  test('without a quote setting a quote is a character like any other', async () => {
    const image = await read(`${HEADER}1,5" pipe,,,,\n`, { quote: '' });
    assert.deepEqual(image.entries[0]?.attributes.name, ['5" pipe']);
  });

  test('several object types are read from the same rows', async () => {
    const badge = describeType('badge', 'number', [
      { name: 'number', column: 'badge' },
      { name: 'holder', column: 'id' },
    ]);
    const image = await read(`${HEADER}1,Ann,,77,,\n2,Bob,,,,\n`, {}, PERSON, badge);
    assert.deepEqual(
      image.entries.map(({ type, anchor }) => `${type} ${anchor}`),
      ['person 1', 'badge 77', 'person 2'],
    );
    assert.deepEqual(
      image.refused.map(({ type, error }) => [type, error]),
      [['badge', 'missing-anchor-component']],
    );
  });

  test('a header without rows is an image without entries', async () => {
    const image = await read(HEADER);
    assert.deepEqual([image.entries, image.refused], [[], []]);
  });

  test('200,000 rows of ten columns are read in seconds', async () => {
    const names = ['id', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'];
    const wide = describeType(
      'wide',
      'id',
      names.map((name) => ({ name })),
    );
    const rows = Array.from(
      { length: 200_000 },
      (_, row) => `${row},Jane,"Doe, J",jane${row}@example.com,Sales,x,y,z,2024-01-01,`,
    );
    const text = `${names.join(',')}\n${rows.join('\n')}`;
    const started = performance.now();
    const image = await read(text, {}, wide);
    const duration_ms = performance.now() - started;
    assert.equal(image.entries.length, 200_000);
    assert.equal(image.entries.at(-1)?.place, 'line 200001');
    // About 1.5 s on two cores; the limit only notices what became quadratic.
    assert.ok(duration_ms < 10_000, `took ${duration_ms} ms`);
  });
});

describe('rows that are refused', () => {
  const cases = [
    {
      name: 'a row too short',
      row: '1,Ann',
      error: 'parse-error',
      anchor: '1',
      message: /line 2, has 2 fields where the header has 6/,
    },
    {
      name: 'a row too long',
      row: '1,Doe, Ann,,,,',
      error: 'parse-error',
      anchor: '1',
      message: /line 2, has 7 fields/,
    },
    {
      name: 'a missing anchor',
      row: ',Ann,,,,',
      error: 'missing-anchor-component',
      anchor: undefined,
      message: /line 2, has nothing in the column "id"/,
    },
    {
      name: 'an anchor of spaces',
      row: '"  ",Ann,,,,',
      error: 'missing-anchor-component',
      anchor: undefined,
      message: /line 2/,
    },
    {
      name: 'a wrong integer',
      row: '1,Ann,,7.5,,',
      error: 'invalid-numeric-value',
      anchor: '1',
      message: /line 2: the column "badge" does not hold a whole number/,
    },
    {
      name: 'an integer beyond 64 bits',
      row: '1,Ann,,9223372036854775808,,',
      error: 'invalid-numeric-value',
      anchor: '1',
      message: /64 bits/,
    },
    {
      name: 'a wrong boolean',
      row: '1,Ann,,,maybe,',
      error: 'invalid-boolean-value',
      anchor: '1',
      message: /"active" does not hold true or false/,
    },
  ];
  for (const { name, row, error, anchor, message } of cases) {
    test(`${name} is refused with its line, and the run goes on`, async () => {
      const image = await read(`${HEADER}${row}\n9,Zoe,,,,\n`);
      assert.deepEqual(
        image.entries.map((entry) => entry.anchor),
        ['9'],
      );
      const [refused] = image.refused;
      assert.equal(image.refused.length, 1);
      assert.deepEqual(
        [refused?.error, refused?.anchor, refused?.type, refused?.place],
        [error, anchor, 'person', 'line 2'],
      );
      assert.match(refused?.message ?? '', message);
      for (const value of ['Ann', 'Doe', '7.5', 'maybe', '9223372036854775808'])
        assert.ok(!refused?.message.includes(value));
    });
  }

  test('of the rows with the same anchor the first is kept and all others are refused, naming both lines', async () => {
    const image = await read(`${HEADER}1,Ann,,,,\n2,Bob,,,,\n1,Eve,,,,\n1,Eve,,x,,\n`);
    assert.deepEqual(
      image.entries.map(({ anchor, place }) => [anchor, place]),
      [
        ['1', 'line 2'],
        ['2', 'line 3'],
      ],
    );
    assert.deepEqual(
      image.refused.map(({ error, anchor }) => [error, anchor]),
      [
        ['duplicate-object', '1'],
        ['duplicate-object', '1'],
      ],
    );
    assert.match(image.refused[0]?.message ?? '', /line 4, has the same id "1" as line 2/);
  });

  test('a row that follows a refused one of the same anchor is refused too: which is right is not known', async () => {
    const image = await read(`${HEADER}1,Ann,,x,,\n1,Ann,,5,,\n`);
    assert.deepEqual(
      image.refused.map(({ error }) => error),
      ['invalid-numeric-value', 'duplicate-object'],
    );
    assert.deepEqual(image.entries, []);
  });

  test('the anchor of a row of the wrong length is not guessed where a delimiter may have shifted it', async () => {
    const image = await read('name,id,department,badge,active,roles\nDoe, Ann,1,,,,\n');
    assert.equal(image.refused[0]?.anchor, undefined);
  });
});

describe('derived objects', () => {
  const rows = (...lines: string[]): Promise<FullImage> => read(HEADER + lines.join('\n'), {}, PERSON, DEPARTMENT);
  const departments = (image: FullImage): unknown =>
    image.entries
      .filter(({ type }) => type === 'department')
      .map(({ anchor, attributes }) => [anchor, attributes.members]);
  const refusals = (image: FullImage): unknown =>
    image.refused.filter(({ type }) => type === 'department').map(({ anchor, error }) => [anchor, error]);

  test('there is one for each distinct value, with the anchors of its rows in their order', async () => {
    const image = await rows('2,Bob,Sales,,,', '1,Ann,IT,,,', '3,Cy,Sales,,,', '4,Di,,,,');
    assert.deepEqual(departments(image), [
      ['Sales', ['2', '3']],
      ['IT', ['1']],
    ]);
    const it = image.entries.find(({ anchor }) => anchor === 'IT');
    assert.deepEqual(it, {
      type: 'department',
      anchor: 'IT',
      place: 'line 3',
      attributes: { name: ['IT'], members: ['1'] },
    });
  });

  test('a row refused for another value still counts as a member', async () => {
    const image = await rows('1,Ann,IT,x,,', '2,Bob,IT,,,');
    assert.deepEqual(departments(image), [['IT', ['1', '2']]]);
  });

  test('a second row of the same anchor is no member, and what only it names is refused, not gone', async () => {
    const image = await rows('1,Ann,IT,,,', '1,Ann,HR,,,', ',Eve,Law,,,');
    assert.deepEqual(departments(image), [['IT', ['1']]]);
    assert.deepEqual(refusals(image), [
      ['HR', 'duplicate-object'],
      ['Law', 'missing-anchor-component'],
    ]);
  });

  test('what an unreadable row may belong to is refused, so that nobody loses a membership', async () => {
    const image = await rows('1,Ann,IT,,,', '2,Doe, Bob,IT,,,', '3,Cy,HR,,,');
    assert.deepEqual(departments(image), [['HR', ['3']]]);
    assert.deepEqual(refusals(image), [['IT', 'parse-error']]);
  });

  test('an unreadable row that names nothing known is told without an anchor', async () => {
    const image = await rows('1,Ann,IT,,,', '2,Bob');
    assert.deepEqual(departments(image), [['IT', ['1']]]);
    assert.deepEqual(refusals(image), [[undefined, 'parse-error']]);
  });

  test('a type derived from what is not read is a mistake that is found at once', () => {
    const wrong = describeType('x', 'name', [{ name: 'name' }], {
      derived: { object: 'person', attribute: 'label', member: 'm' },
    });
    assert.throws(() => connect({ file: '/x' }, PERSON, wrong), /derived from person\.label/);
  });
});
