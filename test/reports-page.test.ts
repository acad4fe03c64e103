// How text of any kind is set: made visible, broken into lines, put on pages.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Content, FaceName, Row } from '../reports/content.ts';
import { paginate } from '../reports/page/paginate.ts';
import { cutPieces } from '../reports/page/pieces.ts';
import { ReportDocument } from '../reports/page/report-document.ts';
import { BODY_HEIGHT } from '../reports/page/style.ts';
import { makeVisible } from '../reports/page/visible-text.ts';
import { fitText } from '../reports/page/wrap.ts';

const CONTENT: Content = {
  title: 'A report',
  company: 'Company',
  scope: '',
  origin: '',
  standing: '',
  root: '',
  description: '',
  keywords: [],
  producedAt: 0,
  program: 'Metatrail',
  blocks: [],
};
const { faces } = new ReportDocument(CONTENT);
const FACES: FaceName[] = ['sans', 'bold', 'mono'];

const VISIBLE: [string, string, string][] = [
  ['printable Latin text stays', 'Jörg Żółć, O’Neil & Søn 100%', 'Jörg Żółć, O’Neil & Søn 100%'],
  ['Greek, Cyrillic, Hebrew and Arabic stay', 'Γιώργος Ольга דוד محمد', 'Γιώργος Ольга דוד محمد'],
  ['a line end, a tab and a NUL are named', 'a\nb\tc\0', 'a⟨U+000A⟩b⟨U+0009⟩c⟨U+0000⟩'],
  ['marks of direction and joiners are named', '\u202eevil\u200d', '⟨U+202E⟩evil⟨U+200D⟩'],
  ['a space that is not the usual one is named', 'a\u00a0b\u2003c', 'a⟨U+00A0⟩b⟨U+2003⟩c'],
  ['a soft hyphen and a variation selector are named', 'a\u00adb\ufe0f', 'a⟨U+00AD⟩b⟨U+FE0F⟩'],
  ['what the font lacks is named, so that two names stay two', '王\u{1f9d1}', '⟨U+738B⟩⟨U+1F9D1⟩'],
  ['half a surrogate pair is named', 'a\ud800b', 'a⟨U+D800⟩b'],
  ['an accent on a letter stays, a tower of them is named', 'e\u0301\u0302\u0303', 'e\u0301\u0302⟨U+0303⟩'],
  ['an accent on nothing is named', '\u0301a', '⟨U+0301⟩a'],
];

for (const [name, given, expected] of VISIBLE) test(name, () => assert.equal(makeVisible(given, faces.sans), expected));

const UNITS: ('grapheme' | 'grapheme-composite' | 'binary')[] = ['grapheme', 'grapheme-composite', 'binary'];
const anyText = fc.oneof(
  ...UNITS.map((unit) => fc.string({ unit, maxLength: 80 })),
  fc.string({
    unit: fc.constantFrom('i', 'W', ' ', ',', '=', '\n', '%', '\u202e', 'ש', 'ع', '\u0301', '王'),
    maxLength: 3000,
  }),
);

test('whatever the text, no line is wider than its cell and there are no more lines than allowed', () => {
  const inputs = [
    anyText,
    fc.constantFrom(...FACES),
    fc.integer({ min: 45, max: 300 }),
    fc.integer({ min: 1, max: 4 }),
  ] as const;
  fc.assert(
    fc.property(...inputs, (text, name, width, maxLines) => {
      const lines = fitText(text, faces[name], 7.5, width, maxLines);
      assert.ok(lines.length <= maxLines);
      for (const line of lines) {
        assert.ok(
          faces[name].width(line.trimEnd(), 7.5) <= width + 0.5,
          `${JSON.stringify(line)} is wider than ${width}`,
        );
        assert.equal(makeVisible(line, faces[name]), line);
      }
    }),
    { numRuns: 300 },
  );
});

test('a text that fits is not touched, and one that is broken loses nothing but spaces', () => {
  const text = 'uid=jdoe,ou=people,ou=a very long organisational unit,dc=example,dc=com';
  assert.deepEqual(fitText(text, faces.sans, 7.5, 500, 3), [text]);
  const lines = fitText(text, faces.sans, 7.5, 110, 9);
  assert.ok(lines.length > 2);
  assert.equal(lines.join('').replaceAll(' ', ''), text.replaceAll(' ', ''));
});

test('a text that is cut says so, with the number of characters it has', () => {
  assert.match(fitText('x'.repeat(10_000), faces.sans, 7.5, 150, 3).at(-1) ?? '', /^x+ … \(10,000 characters\)$/);
  assert.match(fitText('\u0007'.repeat(9_999), faces.sans, 7.5, 150, 3).at(-1) ?? '', / … \(9,999 characters\)$/);
  assert.match(fitText('x'.repeat(10_000), faces.sans, 7.5, 50, 1).join(), /^x+…$/, 'no room for the number');
});

function layOut(rows: Row[]) {
  const columns = [{ title: 'Name', width: 1, heads: true }];
  return paginate([
    ...cutPieces(
      [
        { kind: 'heading', level: 2, text: 'List' },
        { kind: 'table', columns, rows },
      ],
      faces,
    ),
  ]);
}

test('each page of a long table begins with its titles and the group that goes on, and none is overfull', () => {
  const rows: Row[] = [{ kind: 'group', text: 'Sales', detail: '' }];
  for (let index = 0; index < 200; index += 1) rows.push({ kind: 'cells', cells: [`Person ${index}`] });
  const pages = layOut(rows);
  assert.ok(pages.length > 5);
  for (const page of pages.slice(1)) {
    const start = page
      .slice(0, 3)
      .map(({ piece, repeated }) => [piece.kind === 'row' ? piece.role : piece.tag, repeated]);
    assert.deepEqual(start, [
      ['titles', true],
      ['group', true],
      ['cells', false],
    ]);
  }
  for (const page of pages) for (const { piece, y } of page) assert.ok(y + piece.height <= BODY_HEIGHT);
  const drawn = pages.flat().filter(({ repeated }) => !repeated).length;
  assert.equal(drawn, 1 + 1 + rows.length, 'each piece once');
});

test('a heading, titles or a group never end a page', () => {
  for (let before = 15; before < 45; before += 1) {
    const rows: Row[] = [];
    for (let index = 0; index < before; index += 1) rows.push({ kind: 'cells', cells: [`${index}`] });
    rows.push({ kind: 'group', text: 'Next', detail: '' }, { kind: 'cells', cells: ['its first'] });
    for (const page of layOut(rows).slice(0, -1)) assert.equal(page.at(-1)?.piece.keepWithNext, false);
  }
});
