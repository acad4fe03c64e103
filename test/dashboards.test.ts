// The web application in a real browser: the states of every answer, the overview, and the change log with its filters
// in the address. Its other pages are in dashboards-pages.test.ts.
import assert from 'node:assert/strict';
import { readText, readTexts, testPage, waitForHeading } from './dashboards/page-test.ts';

testPage('the overview shows people, problems, open leavers and the log', async ({ page, open }) => {
  await open('');
  await waitForHeading(page, 'Overview');
  assert.equal(await page.title(), 'Overview · Metatrail');
  await page.getByRole('region', { name: 'Problems' }).waitFor();
  assert.deepEqual(await readTexts(page, '.key-figure'), [
    '9 People',
    '3 Groups',
    '1 Accounts of leavers still open',
    '1 Out-of-band changes',
    '3 Refused or lost',
  ]);
  assert.match((await readTexts(page, '.page-lead')).join(), /2024-06-10 07:15:52 UTC/);
  await page.getByText('4c1f8a2b…b7e6f1').waitFor();
  await page.getByText(/^12 events, \d+ d( \d+ h)? ago, witness example\.org\/w1$/).waitFor();
  await page.getByText('The webhook https://example.org answered 503.').waitFor();
  await page.getByRole('link', { name: 'Greta Moreau' }).first().click();
  await waitForHeading(page, 'Greta Moreau');
});

testPage('a problem leads to its latest change and to all of its kind', async ({ page, open }) => {
  await open('');
  const problem = page.getByRole('row').filter({ hasText: 'Export refused by the connected system' });
  await problem.getByRole('link', { name: 'All 1 changes' }).click();
  await waitForHeading(page, 'Changes');
  assert.match(page.url(), /stages=export&outcomes=export-failure&agent=directory$/);
  await page.getByText('permission-issue').waitFor();
});

testPage('a chart has its numbers as a table', async ({ page, open }) => {
  await open('');
  await page.getByRole('img', { name: /^Bars: 12 joiners and 3 leavers/ }).waitFor();
  await page.getByText('The same as a table').nth(1).click();
  const table = page.getByRole('region', { name: 'Joiners and leavers by month' });
  assert.equal(await readText(table.getByRole('row', { name: /^May 2024/ })), 'May 2024 0 3');
});

testPage('while an answer is awaited the page says what is loading', async ({ page, server, open }) => {
  server.mood = 'slow';
  await open('changes');
  await page.getByRole('status', { name: 'Loading changes…' }).waitFor();
  await page.getByRole('region', { name: 'Changes, newest first' }).waitFor();
  assert.equal(await page.getByRole('status', { name: 'Loading changes…' }).count(), 0);
});

testPage('an empty log is an answer', async ({ page, server, open }) => {
  server.mood = 'empty';
  for (const [address, text] of [
    ['', 'The log has no changes yet.'],
    ['changes', 'The log has no changes yet.'],
    ['objects', 'There are no objects yet.'],
    ['runs', 'No run yet.'],
    ['changes/7', 'There is no change with the sequence 7.'],
  ] as const) {
    await open(address);
    await page.getByText(text).waitFor();
  }
});

testPage('an error is a sentence, and can be tried again', async ({ page, server, open }) => {
  server.mood = 'error';
  await open('runs');
  const alert = page.getByRole('alert');
  await alert.getByText('The log cannot be read: ClickHouse is away.').waitFor();
  server.mood = 'full';
  await alert.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('region', { name: 'Runs, newest first' }).waitFor();
});

testPage('without a network the page says so, and goes on when it is back', async ({ page, open }) => {
  await page.route('**/graphql', (route) => route.abort());
  await open('objects');
  await page.getByRole('heading', { name: 'No connection' }).waitFor();
  await page.unroute('**/graphql');
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('region', { name: 'Objects' }).waitFor();
});

testPage('a stranger is told how to sign in, and comes back to the same page', async ({ page, server, open }) => {
  server.mood = 'stranger';
  await open('runs?agent=hr');
  await waitForHeading(page, 'Sign in');
  await page.getByText('npx metatrail sign-in').waitFor();
  assert.equal(await page.getByRole('navigation').count(), 0);
  server.mood = 'full';
  await page.getByRole('button', { name: 'I have signed in' }).click();
  await waitForHeading(page, 'Runs');
  assert.match(page.url(), /runs\?agent=hr$/);
});

testPage('every question carries the header that a foreign page cannot send', async ({ page, server, open }) => {
  await open('');
  await page.getByRole('region', { name: 'Problems' }).waitFor();
  assert.ok(server.questions.length > 0);
  assert.ok(server.questions.every(({ headers }) => headers['x-metatrail'] === '1'));
});

testPage('a filter that is filled in is an address, and the address is the filter', async ({ page, server, open }) => {
  await open('changes');
  const form = page.getByRole('form', { name: 'Filter the changes' });
  await form.getByLabel('From (UTC)').fill('2024-04-15T00:00:00');
  await form.getByLabel('Agent').selectOption('directory');
  await form.getByRole('textbox', { name: 'Attribute' }).fill('department');
  await form.locator('summary', { hasText: 'Stage' }).click();
  await form.getByRole('checkbox', { name: 'Export', exact: true }).check();
  await form.getByRole('button', { name: 'Apply' }).click();
  await page.getByRole('list', { name: 'Filters in force' }).waitFor();
  await page.locator('.changes tbody tr').nth(1).waitFor({ state: 'detached' });
  const asked = { from: '2024-04-15T00:00:00Z', agent: 'directory', attribute: 'department', stages: ['export'] };
  assert.deepEqual(server.questions.at(-1)?.variables.filter, asked);
  await page.locator('.changes tbody tr').first().waitFor();
  const rows = await readTexts(page, '.changes tbody tr');
  assert.equal(rows.length, 1);
  assert.match(rows[0] ?? '', /#162 Changed by export.*Ada Lindgren.*was Finance now Research/i);

  await page.goto(page.url());
  await page.locator('.changes tbody tr').first().waitFor();
  assert.deepEqual(await readTexts(page, '.changes tbody tr'), rows);
  assert.equal(await form.getByLabel('From (UTC)').inputValue(), '2024-04-15T00:00');
  await page.getByRole('link', { name: 'Remove the filter Stage Export' }).click();
  await page.waitForURL((url) => !url.searchParams.has('stages'));
  assert.match(page.url(), /agent=directory/);
});

testPage('each filter of the contract reaches the service from the address', async ({ page, server, open }) => {
  await open(
    'changes?from=2024-01-01&to=2024-12-31T12:00:00Z&object=o1&attribute=mail&value=a%2Cb&agent=hr&initiator=me' +
      '&stages=import,join&outcomes=stage-add&run=12&outOfBand=true&watermark=99',
  );
  await page.getByText('No change fits these filters.').waitFor();
  const asked = server.questions.find(({ query }) => query.includes('query Changes'));
  assert.deepEqual(asked?.variables.filter, {
    from: '2024-01-01T00:00:00Z',
    to: '2024-12-31T12:00:00Z',
    object: 'o1',
    attribute: 'mail',
    value: 'a,b',
    agent: 'hr',
    initiator: 'me',
    stages: ['import', 'join'],
    outcomes: ['stage-add'],
    run: '12',
    outOfBand: true,
    watermark: '99',
  });
});

testPage('older changes follow without a gap, and lead back to the newest', async ({ page, open }) => {
  await open('changes');
  const seen: string[] = [];
  for (const newest of ['#208', '#158', '#108', '#58', '#8']) {
    await page.locator('.when .sequence').first().getByText(newest, { exact: true }).waitFor();
    seen.push(...(await readTexts(page, '.when .sequence')));
    if (newest !== '#8') await page.getByRole('link', { name: 'Older' }).click();
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 209 }, (_, position) => `#${208 - position}`),
  );
  await page.getByText('Nothing older').waitFor();
  await page.getByRole('link', { name: 'Newest' }).click();
  await page.getByRole('link', { name: '#208' }).waitFor();
});

testPage('a row opens to show everything, old values struck through', async ({ page, open }) => {
  await open('changes?attribute=department&from=2024-04-01');
  const button = page.getByRole('button', { name: 'Show the details of change 162' });
  await button.click();
  assert.equal(await page.locator('button[aria-expanded="true"]').count(), 1);
  const details = page.locator('#details-162');
  assert.equal(await readText(details.locator('del')), 'was Finance');
  assert.equal(await readText(details.locator('ins')), 'now Research');
  await details.getByText('EXAMPLE\\svc-metatrail').waitFor();
  assert.equal(await details.locator('time').first().getAttribute('title'), '2024-04-15 06:45:09.120450 UTC');
  await details.getByRole('link', { name: /What led to this change/ }).click();
  await waitForHeading(page, 'Change #162');
});

testPage('the trail goes from the cell in HR to the export, with the delay of each hop', async ({ page, open }) => {
  await open('changes/14');
  await waitForHeading(page, 'Change #14');
  const trail = page.getByRole('list', { name: 'What led to this change' });
  const hops = trail.locator('> li');
  await hops.nth(4).waitFor();
  assert.equal(await hops.count(), 5);
  assert.match(await readText(hops.nth(0)), /the root[\s\S]*New in the connected system[\s\S]*m\.keller \(HR\)/);
  assert.match(await readText(hops.nth(4)), /13 min 29 s later[\s\S]*Created by export[\s\S]*this change/);
  await page.getByText('4 hops, 45 min 9 s from the root').waitFor();
  const after = page.getByRole('list', { name: 'What this change led to' }).locator('> li');
  assert.match((await after.allInnerTexts()).at(-1) ?? '', /30 min 3 s later[\s\S]*Export confirmed/);
  await page.getByRole('link', { name: 'Next' }).click();
  await waitForHeading(page, 'Change #15');
});

testPage('a change shows its proof, which the browser itself has checked', async ({ page, open }) => {
  for (const sequence of [0, 1, 7, 20]) {
    await open(`changes/${sequence}`);
    const proof = page.locator('.proof');
    await proof.getByText('checked in this browser: it is there').waitFor();
    assert.match(await readText(proof), /Leaf [0-9a-f]{8}….* of the checkpoint of [\d,]+ events, root [0-9a-f]{8}…/);
  }
});

testPage('a proof that does not hold is said not to', async ({ page, open }) => {
  for (const [field, forged] of [
    ['leaf', /"leaf":"[0-9a-f]{8}/],
    ['path', /"path":\["[0-9a-f]{8}/],
    ['root', /"root":"[0-9a-f]{8}(?=[0-9a-f]{56}","keyIds)/],
  ] as const) {
    await page.route('**/graphql', async (route) => {
      const response = await route.fetch();
      const text = await response.text();
      if (text.includes('"leaf"')) assert.match(text, forged, field);
      await route.fulfill({ response, body: text.replace(forged, (found) => `${found.slice(0, -8)}00000000`) });
    });
    await open('changes/7');
    await page.getByText('IT IS NOT THERE').waitFor();
    await page.unroute('**/graphql');
  }
});
