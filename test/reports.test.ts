// The reports as PDF: what they say, how they hold up under hostile values, and that they are the same every time.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import type { Holding } from '../api/queries/results.ts';
import { ReportParameterError } from '../reports/definitions.ts';
import { PAGE } from '../reports/page/style.ts';
import { produceReport } from '../reports/produce.ts';
import { type Printed, readPdf } from './reports/print.ts';
import * as world from './reports/world.ts';

function assertSays(printed: Printed, ...sentences: (string | RegExp)[]): void {
  for (const sentence of sentences) {
    if (typeof sentence === 'string') assert.ok(printed.text.includes(sentence), `"${sentence}" in: ${printed.text}`);
    else assert.match(printed.text, sentence);
  }
}

/** Every page has its head and foot, and every word lies on the page. */
function assertWellSet(printed: Printed): void {
  for (const [index, page] of printed.pages.entries()) {
    assert.ok(page.includes(`Page ${index + 1} of ${printed.pages.length}`));
    for (const line of ['Produced 2024-06-01 08:15:30.123456 UTC for', 'watermark 5,678', world.ROOT])
      assert.ok(page.includes(line), `page ${index + 1} says "${line}"`);
  }
  const words = printed
    .run('pdftotext', ['-bbox'], ['-'])
    .matchAll(/<word xMin="(.*?)" yMin="(.*?)" xMax="(.*?)" yMax="(.*?)">/g);
  for (const [word, left, top, right, bottom] of words) {
    assert.ok(Number(left) >= PAGE.left - 1 && Number(right) <= PAGE.width - PAGE.right + 1, word);
    assert.ok(Number(top) >= 25 && Number(bottom) <= PAGE.height - 15, word);
  }
}

const HOLDINGS: Holding[] = [
  world.createEnabledAccount(1),
  world.createEnabledAccount(2, { rule: undefined, stage: 'provisioning', initiatorKnown: 'reported' }),
  world.createHolding(1),
  world.createHolding(3, {
    outOfBand: true,
    stage: 'import',
    rule: undefined,
    initiator: undefined,
    initiatorKnown: 'unknown',
  }),
  world.createHolding(2, {
    outOfBand: true,
    stage: 'import',
    rule: undefined,
    initiator: 'root',
    initiatorKnown: 'matched',
  }),
  world.createEnabledAccount(2, { agent: 'badges', entryName: 'B-2', stage: 'baseline', rule: undefined }),
  world.createHolding(1, { agent: '', stage: 'import-flow', rule: 'hr/person/projects', value: world.personId(1) }),
];

test('access as of a date: by system and entitlement, who, since when, how, and by which event', async (t) => {
  const printed = readPdf(t, await world.printReport('access', { access: world.createAccess(HOLDINGS) }));
  if (printed === undefined) return;
  assertWellSet(printed);
  assertSays(
    printed,
    'As of: 2024-01-31 23:59:59.999999 UTC · System: all · Entitlement: all',
    'Müller & Söhne <Holding>',
    'badges 1 1 1 0 14.3 %',
    'directory 3 2 5 2 71.4 %',
    'metaverse 1 1 1 0 14.3 %',
    'All systems 3 4 7 2 100.0 %',
    'Enabled account 2 holdings · enabled = true',
    'Group Sales 3 holdings · cn=sales,ou=groups,dc=example,dc=com',
    'Person 1 uid=p1,ou=people,dc=example,dc=com 2023-01-31 23:59:59 exported by rule directory/group/member, caused by hr 1001',
    'provisioned, caused by hr, as reported 1002',
    'added by hand in directory, initiator unknown 1003',
    'added by hand in directory, by root, matched with another log 1002',
    'carried forward by a baseline, caused by hr 1002',
    'Person 1 – 2023-01-31 23:59:59 flowed into the metaverse by rule hr/person/projects',
  );
  const order = [
    'System: badges',
    'System: directory',
    '2 holdings · enabled = true',
    'Group Sales',
    'System: metaverse',
    'Log origin',
  ];
  const places = order.map((title) => printed.text.indexOf(title));
  assert.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
  );
});

test('what cannot be told apart by its name is told apart', async (t) => {
  const holder = { name: 'Sam Same', type: 'person' };
  const access = world.createAccess([
    world.createHolding(1, { holder: { ...holder, id: world.personId(1) } }),
    world.createHolding(2, { holder: { ...holder, id: `12345678${world.personId(2).slice(8)}` } }),
    world.createHolding(3, { holder: { id: undefined, name: 'cn=nobody', type: undefined } }),
    world.createHolding(4, { holder: { id: world.personId(4), name: 'Managers', type: 'group' } }),
    world.createHolding(5, { holder: { id: world.personId(5), name: undefined, type: 'person' } }),
  ]);
  const printed = readPdf(t, await world.printReport('access', { access }));
  if (printed === undefined) return;
  assertSays(
    printed,
    'Sam Same (id 00000000)',
    'Sam Same (id 12345678)',
    'cn=nobody (not resolved',
    'Managers (group)',
    'without a name (id',
  );
});

test('leavers of a period: the longest delay first, open accounts counted and marked', async (t) => {
  const leavers = world.createLeavers([
    world.createLeaver(1, [world.createAccount('directory', 5)]),
    world.createLeaver(2, [world.createAccount('badges', 2), world.createOpenAccount('directory', 2580)]),
    world.createLeaver(3, [world.createAccount('directory', 100)], { leftAtKnown: 'gone-from-image' }),
    world.createLeaver(4, []),
  ]);
  const printed = readPdf(t, await world.printReport('leavers', { leavers }));
  if (printed === undefined) return;
  assertWellSet(printed);
  assertSays(
    printed,
    'From: 2024-01-01 00:00:00.000000 UTC · To: 2024-03-31 23:59:59.999999 UTC · Filters: none',
    '4 people left in the period. They had 4 enabled accounts; 1 of them had none. 1 account still open at 2024-04-30 23:59:59.999999 UTC.',
    'badges 1 1 0 100.0 % 2.0 h 2.0 h 2.0 h',
    'directory 3 2 1 66.6 % 100 h (4.2 days) at least 2,580 h (107.5 days) at least 2,580 h (107.5 days)',
    'Kaplan–Meier',
    'Leavers without an enabled account',
    /Person 4 2024-01-15 12:00:00 leaving date 3004/,
    /5 rows · watermark/,
  );
  const table = printed.pages.join('\n').split('the longest delay first')[1]?.split('Leavers without')[0] ?? '';
  const rows = table.split('\n').filter((line) => /Person \d/.test(line));
  assert.deepEqual(
    rows.map((row) => /Person \d/.exec(row)?.[0]),
    ['Person 2', 'Person 2', 'Person 3', 'Person 1'],
  );
  assert.match(rows[0] ?? '', /directory .* OPEN +at least 2,580 h +3002 +–$/);
  assert.match(rows[1] ?? '', /badges .* 2024-01-15 14:00:00 +2.0 h +3002 +4242$/);
  assert.match(rows[2] ?? '', /gone from HR +directory/);
});

test('a time before the log begins is said, not taken for a time when nobody had access', async (t) => {
  const before = Date.UTC(2020, 0, 1) * 1000 - 1;
  const access = { ...world.createAccess([]), at: before };
  const printed = readPdf(t, await world.printReport('access', { access }, {}, { at: '2019-12-31' }));
  if (printed === undefined) return;
  assertSays(printed, 'The log begins at 2023-06-30 23:59:59.999999 UTC: of what was before, it knows nothing');
});

test('an account still enabled when its person was re-hired is kept, and neither open nor disabled', async (t) => {
  const rehiredAt = Date.UTC(2024, 1, 1) * 1000;
  const kept = { ...world.createOpenAccount('directory', 396), rehiredAt };
  const leavers = world.createLeavers([world.createLeaver(1, [kept])]);
  const printed = readPdf(t, await world.printReport('leavers', { leavers }));
  if (printed === undefined) return;
  assertSays(printed, 'No account is still open.', /kept: re-hired/, 'directory 1 0 0');
  assert.doesNotMatch(printed.pages.join(''), /OPEN/);
});

test('an account enabled again after it was disabled is said to be', async (t) => {
  const again = { ...world.createAccount('directory', 5), reenabledAt: Date.UTC(2024, 1, 2) * 1000, reenabledBy: 5001 };
  const leavers = world.createLeavers([world.createLeaver(1, [again])]);
  const printed = readPdf(t, await world.printReport('leavers', { leavers }));
  if (printed === undefined) return;
  assertSays(printed, /enabled/, /again/, '2024-02-02');
});

test('an empty report is a page that says so, with its evidence', async (t) => {
  const access = readPdf(t, await world.printReport('access', {}));
  const leavers = readPdf(t, await world.printReport('leavers', {}));
  if (access === undefined || leavers === undefined) return;
  for (const printed of [access, leavers]) assertWellSet(printed);
  assertSays(
    access,
    'Nobody held an entitlement in this scope at 2024-01-31 23:59:59.999999 UTC.',
    '0 rows ·',
    'Rows 0',
  );
  assertSays(leavers, 'Nobody left from 2024-01-01 00:00:00.000000 UTC to 2024-03-31', 'Rows 0');
});

test('the evidence names who asked, what, of which log, how far, how complete, and the fingerprints', async (t) => {
  const parameters = { at: '2024-01-31T12:00:00Z', agent: 'directory', entitlement: 'Sales' };
  const printed = readPdf(t, await world.printReport('access', {}, {}, parameters));
  if (printed === undefined) return;
  assertSays(
    printed,
    'As of 2024-01-31 12:00:00.000000 UTC System directory Entitlement Sales Asked by auditor@example.com',
    'Produced at 2024-06-01 08:15:30.123456 UTC',
    'Log origin metatrail.example/log Watermark 5,678: the answer stands on the events 0 to 5,677, and on none after',
    `Log size 5,700 accepted events Merkle root ${world.ROOT}`,
    'Checkpoint Size and root were signed with the key 0badcafe Outside No checkpoint is known',
    'Completeness Complete: 72 runs, 168 steps, 0 gaps; counters equal the log.',
    `SHA-256 of the query ${createHash('sha256').update(world.CONTEXT.queryText).digest('hex')}`,
    'Program Metatrail 0.1.0',
    '22 events were accepted after it; this answer leaves them out.',
    'SELECT holder, entitlement FROM entitlements WHERE occurred_at <= {at}',
    'log complete',
  );
});

test('the newest checkpoint outside is named with its place and its age', async (t) => {
  const outside = {
    destination: 'witness example.org/w1',
    size: 5601,
    at: world.CONTEXT.producedAt - 26.5 * world.HOUR,
  };
  const printed = readPdf(t, await world.printReport('access', { completeness: { ...world.COMPLETE, outside } }));
  if (printed === undefined) return;
  assertSays(
    printed,
    'Outside The checkpoint of 5,601 events, at witness example.org/w1, sent 26.5 h before this report',
  );
});

test('a checkpoint that witnesses have signed as well names their keys', async (t) => {
  const completeness = { ...world.COMPLETE, keyIds: ['0badcafe', '11111111', '22222222'] };
  const printed = readPdf(t, await world.printReport('access', { completeness }));
  if (printed === undefined) return;
  assertSays(printed, 'signed with the key 0badcafe, and also with 11111111, 22222222');
});

test('a log with gaps is named so on every page, and each gap in words', async (t) => {
  const what = 'export-update: the engine counted 40, the log holds 38';
  const faults = [{ run: 120, step: 2, agent: 'directory', what }];
  const completeness = { ...world.COMPLETE, watermark: 5000, missing: 3, faults };
  const printed = readPdf(t, await world.printReport('leavers', { completeness }));
  if (printed === undefined) return;
  for (const page of printed.pages) assert.ok(page.includes('LOG NOT COMPLETE'));
  assertSays(
    printed,
    'NOT COMPLETE: 72 runs, 168 steps; 3 sequence numbers missing below the watermark; 1 step whose counters differ from the log',
    'checked only below 5,000, although the rows reach to 5,678.',
    `120 2 directory ${what}`,
  );
});

test('an instant or a period that is not over yet is said to be so', async (t) => {
  const access = readPdf(t, await world.printReport('access', {}, {}, { at: '2024-06-01' }));
  const leavers = readPdf(t, await world.printReport('leavers', {}, {}, { from: '2024-01-01', to: '2024-06-01' }));
  if (access === undefined || leavers === undefined) return;
  assertSays(access, 'The instant asked for lies after this report was produced');
  assertSays(leavers, 'The period ends after this report was produced');
});

const HOSTILE = [
  'x'.repeat(10_000),
  'many words '.repeat(1_000),
  'ä'.repeat(10_000),
  '\u0000\u0007\u001b[31m\r\n\t\u007f\u0085',
  '\u202eright to left override\u202c \u2066isolate\u2069 \u200f',
  'line one\nline two\u2028line three',
  '%PDF-1.7 %%EOF endstream endobj (((( \\) <</S/JavaScript>> {at} %s %d',
  '<script>alert(1)</script> &amp; ]]> "quoted" \'single\'',
  'שלום עולם (abc) مرحبا بالعالم 123',
  `Z${'\u0301\u0302\u0303'.repeat(500)}algo`,
  '王小明 🧑‍💻 \ud800 \udfff \ufffe 👩‍👩‍👧',
  '\u{10ffff}'.repeat(3_000),
  '',
  ' ',
];

async function readHostile(t: TestContext) {
  const holdings = HOSTILE.flatMap((text, index) => [
    world.createHolding(index, {
      holder: { id: world.personId(index), name: text, type: text },
      value: text,
      entryName: text,
      rule: text,
      initiator: text,
    }),
    world.createHolding(index, {
      agent: text,
      entitlement: { id: undefined, name: text, type: text },
      entryName: text,
      stage: text,
      outcome: text,
    }),
    world.createEnabledAccount(index, { attribute: text, value: text, entryName: text }),
  ]);
  const leavers = HOSTILE.map((text, index) =>
    world.createLeaver(index, [world.createAccount(text, index, { account: text })], {
      person: { id: undefined, name: text, type: text },
    }),
  );
  const company = HOSTILE.slice(3).join(' ');
  const context = { company, askedBy: company, version: company, queryText: HOSTILE.join('\n') };
  const faults = HOSTILE.map((text, step) => ({ run: 1, step, agent: text, what: text }));
  const filters = { agent: company.slice(0, 900), entitlement: HOSTILE[8] ?? '' };
  return {
    access: readPdf(
      t,
      await world.printReport(
        'access',
        { access: world.createAccess(holdings), completeness: { ...world.COMPLETE, faults } },
        context,
        { at: '2024-01-31', ...filters },
      ),
    ),
    leavers: readPdf(t, await world.printReport('leavers', { leavers: world.createLeavers(leavers) }, context)),
  };
}

test('hostile values stay on their page, are cut with a word about it, and nothing of them is invisible', async (t) => {
  const { access, leavers } = await readHostile(t);
  if (access === undefined || leavers === undefined) return;
  for (const printed of [access, leavers]) {
    assertWellSet(printed);
    assertSays(
      printed,
      '… (10,000 characters)',
      '⟨U+202E⟩right to left override⟨U+202C⟩',
      'line one⟨U+000A⟩',
      '⟨U+738B⟩',
      '⟨U+D800⟩',
    );
    assert.doesNotMatch(printed.text, /[\u0000-\u0008\u202e\u200f]/u);
    assert.match(printed.run('pdfinfo', []), /Tagged: +yes/);
  }
});

test('the metadata hold whatever the company is called, escaped', async (t) => {
  const printed = readPdf(t, await world.printReport('access', {}));
  if (printed === undefined) return;
  const info = printed.run('pdfinfo', []);
  assert.match(info, /Title: +Access as of a date – As of: 2024-01-31/);
  assert.match(info, /Author: +Müller & Söhne <Holding>/);
  assert.match(info, /Subject: +Who held which entitlement/);
  assert.match(info, new RegExp(`Keywords: +Metatrail, access, watermark 5678, Merkle root ${world.ROOT}`));
  assert.match(info, /Creator: +Metatrail 0\.1\.0/);
  assert.match(printed.run('pdfinfo', ['-isodates']), /CreationDate: +2024-06-01T08:15:30Z/);
  const metadata = printed.run('pdfinfo', ['-meta']);
  assert.match(metadata, /<rdf:li>Müller &amp; Söhne &lt;Holding&gt;<\/rdf:li>/);
  assert.match(metadata, /<pdfaid:part>2<\/pdfaid:part>\s*<pdfaid:conformance>B</);
});

test('all fonts are embedded, and a screen reader finds headings and tables with the cells that head them', async (t) => {
  const printed = readPdf(t, await world.printReport('access', { access: world.createAccess(HOLDINGS) }));
  if (printed === undefined) return;
  const fonts = printed.run('pdffonts', []).trim().split('\n').slice(2);
  assert.equal(fonts.length, 3);
  for (const font of fonts) assert.match(font, /\+DejaVuSans\S* +CID TrueType +Identity-H +yes yes yes/);
  const structure = printed.run('pdfinfo', ['-struct-text']);
  assert.match(structure, /^Document\n {2}H1 \(block\)\n {4}"Access as of a date"/);
  for (const element of ['H2 (block)', 'Table', 'TR', 'TH', 'TD', 'P (block)'])
    assert.ok(structure.includes(element), element);
  assert.match(structure, /TH:\n +\/Scope \/Column\n +"Person"/);
  assert.match(structure, /TH:\n +\/Scope \/Row\n +"Person 1"/);
  assert.match(structure, /taken away\. The answer stands on/, 'lines are joined with their space');
  assert.doesNotMatch(structure, /Page 1 of/, 'heads and feet of pages are no part of the text');
});

test('the same answer and context make the same bytes, another time or person others', async () => {
  const access = world.createAccess(HOLDINGS);
  const first = await world.printReport('access', { access });
  assert.ok(first.equals(await world.printReport('access', { access })));
  assert.ok(!first.equals(await world.printReport('access', { access }, { askedBy: 'someone else' })));
  assert.ok(!first.equals(await world.printReport('access', { access }, { producedAt: world.CONTEXT.producedAt + 1 })));
});

const MANY_ROWS = 10_000;
const MANY_ROWS_TAKE_AT_MOST_MS = 15_000;

test('ten thousand rows: on time, numbered through, titles on each page, every row there once', async (t) => {
  const holdings: Holding[] = [];
  for (let index = 0; index < MANY_ROWS; index += 1) {
    const entitlement = { id: world.personId(500_000 + (index % 150)), name: `Group ${index % 150}`, type: 'group' };
    holdings.push(
      world.createHolding(index, { entitlement, entryName: `cn=group ${index % 150}`, grantedBy: 1_000_000 + index }),
    );
  }
  const before = performance.now();
  const pdf = await world.printReport('access', { access: world.createAccess(holdings) });
  const duration = performance.now() - before;
  assert.ok(duration < MANY_ROWS_TAKE_AT_MOST_MS, `${duration} ms`);
  const printed = readPdf(t, pdf);
  if (printed === undefined) return;
  assert.ok(printed.pages.length > 300);
  for (const [index, page] of printed.pages.entries())
    assert.ok(page.includes(`Page ${index + 1} of ${printed.pages.length}`));
  for (const page of printed.pages.slice(1, -2))
    assert.match(page, /Person +Account or entry +Since \(UTC\) +How +Event/);
  const events = [...printed.text.matchAll(/ (1\d{6}) /g)].map(([, event]) => event);
  assert.equal(events.length, MANY_ROWS);
  assert.equal(new Set(events).size, MANY_ROWS);
});

test('the sources are asked what the parameters say, and the completeness of what they answered', async () => {
  const { sources, asked } = world.createSources({});
  const produced = await produceReport('access', { at: '2024-01-31', agent: 'directory' }, sources, world.CONTEXT);
  const at = world.micros('2024-01-31T23:59:59.999999Z');
  assert.deepEqual(asked, [{ at, agent: 'directory', entitlement: undefined }, world.WATERMARK]);
  assert.equal(produced.fileName, 'access-20240131T235959Z.pdf');
  assert.deepEqual([produced.rows, produced.watermark, produced.complete], [0, world.WATERMARK, true]);
  produced.pdf.destroy();
});

test('a wrong parameter is refused before anything is asked', async () => {
  const { sources, asked } = world.createSources({});
  await assert.rejects(produceReport('access', { at: 'soon' }, sources, world.CONTEXT), ReportParameterError);
  await assert.rejects(produceReport('nothing', {}, sources, world.CONTEXT), ReportParameterError);
  assert.deepEqual(asked, []);
});

test('what a source raises goes through, and an answer about another instant is refused', async () => {
  const { sources } = world.createSources({ access: world.createAccess([], 1) });
  await assert.rejects(
    produceReport('access', { at: '2024-01-31' }, sources, world.CONTEXT),
    /the instant that was asked for/,
  );
  const failing = { ...sources, accessAsOf: () => Promise.reject(new Error('ClickHouse is away')) };
  await assert.rejects(produceReport('access', { at: '2024-01-31' }, failing, world.CONTEXT), /ClickHouse is away/);
});
