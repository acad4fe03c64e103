// The web application's pages of objects, runs and reports in a real browser, and what holds for all pages.
import assert from 'node:assert/strict';
import { idOf } from './dashboards/fixture-log.ts';
import { readText, readTexts, testPage, waitForHeading } from './dashboards/page-test.ts';

const ADA = `objects/${idOf(1, 1)}`;
const STAFF = `objects/${idOf(2, 1)}`;
const ADMINS = `objects/${idOf(2, 3)}`;

testPage('an object is found by a former name, and a deleted one, too', async ({ page, open }) => {
  await open('objects');
  const form = page.getByRole('form', { name: 'Search objects' });
  await form.getByLabel('Name, anchor or distinguished name').fill('ada lindgren');
  await form.getByLabel('Type').selectOption('person');
  await form.getByRole('button', { name: 'Search' }).click();
  await page.waitForURL(/search=ada\+lindgren&type=person$/);
  await page
    .getByRole('row')
    .filter({ hasText: 'Ada Lindgren-Roy' })
    .getByText('Ada Lindgren', { exact: true })
    .waitFor();
  await open('objects?search=okafor');
  await page.getByRole('row', { name: /Bruno Okafor deleted/ }).waitFor();
  await open('objects?search=nobody');
  await page.getByText('Nothing is or was called “nobody”.').waitFor();
});

testPage('an object’s history is a timeline by day that can be filtered', async ({ page, server, open }) => {
  await open(ADA);
  await waitForHeading(page, 'Ada Lindgren-Roy');
  await page.locator('.timeline').first().waitFor();
  assert.deepEqual(await readTexts(page, '.day h2'), [
    'Monday, 10 June 2024 UTC',
    'Monday, 15 April 2024 UTC',
    'Monday, 3 July 2023 UTC',
  ]);
  const form = page.getByRole('form', { name: 'Filter the history' });
  await form.getByLabel('Attribute').fill('department');
  await form.getByLabel('Agent').selectOption('hr');
  await form.getByRole('button', { name: 'Apply' }).click();
  await page.waitForURL(/attribute=department&agent=hr$/);
  await page.locator('.day').nth(1).waitFor();
  await page.locator('.day').nth(2).waitFor({ state: 'detached' });
  assert.equal(server.questions.at(-1)?.variables.id, idOf(1, 1));
  assert.deepEqual(await readTexts(page, '.timeline > li:first-child li:first-child .before-after'), [
    'was Finance now Research',
    'now Finance',
  ]);
});

testPage('the state at an instant stands side by side, with since when and by whom', async ({ page, open }) => {
  await open(`${ADA}?view=state`);
  const department = page.getByRole('row', { name: /^department/ });
  await department.getByText('Research').first().waitFor();
  assert.deepEqual(
    (await readTexts(page, '.state thead th')).map((text) => text.split(' ')[0]),
    ['Attribute', 'Metaverse', 'directory', 'hr'],
  );
  await page.getByLabel('At (UTC)').fill('2024-01-01T12:30:00');
  await page.getByRole('button', { name: 'Show' }).click();
  await page.waitForURL(/at=2024-01-01T12%3A30%3A00Z$/);
  await page.getByText('At 2024-01-01 12:30:00 UTC').waitFor();
  await department.getByText('Finance').first().waitFor();
  assert.match(await readText(department), /since 2023-07-03 by m\.keller \(HR\) #5/);
  await page.getByRole('link', { name: 'Access' }).click();
  await page.getByText('At 2024-01-01 12:30:00 UTC').waitFor();
  await page.getByRole('row', { name: /Finance Approvers group/ }).waitFor();
  await page.getByRole('row', { name: /accountEnabled: true/ }).waitFor();
});

testPage('before it was there an object is nowhere', async ({ page, open }) => {
  await open(`${ADA}?view=state&at=2020-01-01T00:00:00Z`);
  await page.getByText('At this instant the object was in no system.').waitFor();
});

testPage('a group shows its members at an instant, and who was added by hand', async ({ page, open }) => {
  await open(`${STAFF}?view=holders&at=2023-08-15T00:00:00Z`);
  await page.getByRole('region', { name: 'Members' }).waitFor();
  assert.deepEqual(await readTexts(page, '.holdings tbody th a'), ['Ada Lindgren', 'Bruno Okafor', 'Chiara Weiss']);
  await open(`${ADMINS}?view=holders`);
  const row = page.getByRole('row', { name: /Hugo Baptiste/ });
  assert.match(await readText(row), /out of band[\s\S]*EXAMPLE\\adm-brandt/);
});

testPage('a run shows its balance, its counters beside those of the log, and its input', async ({ page, open }) => {
  await open('runs');
  await page.getByLabel('Agent').selectOption('hr');
  await page.waitForURL(/runs\?agent=hr$/);
  await page.getByRole('link', { name: '2024-05-31 06:30:00' }).click();
  await waitForHeading(page, 'hr: Full import and synchronisation');
  await page.getByRole('heading', { name: 'Step 1: Full import' }).waitFor();
  assert.deepEqual(await readTexts(page, '.balance'), [
    '42 read = 40 unchanged + 2 changed + 0 refused adds up 0 gone',
  ]);
  await page.getByText('9f2c4e8b…0c9d8e').waitFor();
  await page.getByText('179 KiB').waitFor();
  const counter = page.getByRole('row', { name: /stage-update/ });
  assert.match(await readText(counter), /1\s+1\s+equal/);
  await counter.getByRole('link', { name: '1' }).click();
  await page.waitForURL(/changes\?run=183&outcomes=stage-update&stages=import&agent=hr$/);
  await page.goBack();
  await page.getByRole('link', { name: 'All changes of this run' }).click();
  await waitForHeading(page, 'Changes');
});

testPage('a step whose record is not what the log holds says what is wrong with it', async ({ page, open }) => {
  const fault = 'Step 1: of 42 entries read it says that 2 changed; the log has 1.';
  await page.route('**/graphql', async (route) => {
    const response = await route.fetch();
    const text = await response.text();
    await route.fulfill({
      response,
      body: text.replace('"complete":true,"faults":[]', `"complete":false,"faults":["${fault}"]`),
    });
  });
  await open('runs/183');
  await page.getByText('Incomplete: the log does not hold what the engine counted.').waitFor();
  await page.getByText(fault).waitFor();
});

testPage('a report is downloaded by its address, with its parameters', async ({ page, server, open }) => {
  await open('reports');
  const form = page.getByRole('form', { name: 'Leavers and the time to disable' });
  await form.getByRole('button', { name: 'Download PDF' }).click();
  assert.deepEqual(server.reports, [], 'a required parameter is missing');
  await form.getByLabel('From (UTC)').fill('2024-01-01');
  await form.getByLabel('To (UTC)').fill('2024-06-30');
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    form.getByRole('button', { name: 'Download PDF' }).click(),
  ]);
  assert.equal(download.suggestedFilename(), 'leavers-2024.pdf');
  assert.deepEqual(server.reports, ['reports/leavers.pdf?from=2024-01-01&to=2024-06-30']);
  server.mood = 'error';
  await form.getByRole('button', { name: 'Download PDF' }).click();
  await form.getByText('The period ends before it begins.').waitFor();
});

testPage('times are UTC wherever the browser is', async ({ page, open }) => {
  await open('changes?stages=confirmation&from=2024-06-01');
  assert.equal(await readText(page.locator('.changes time').first()), '2024-06-10 07:15:12');
  await page.getByText('All times UTC').waitFor();
  assert.equal((await readTexts(page, '.changes thead th'))[0], 'When (UTC)');
});

testPage(
  'the application lives under a path as well',
  async ({ page, server, open }) => {
    await open('runs');
    await page.getByRole('link', { name: 'Changes' }).click();
    await waitForHeading(page, 'Changes');
    assert.equal(page.url(), `${server.address}changes`);
    await page.reload();
    await page.locator('.changes .sequence').first().click();
    await waitForHeading(page, 'Change #208');
    assert.equal(page.url(), `${server.address}changes/208`);
  },
  { path: '/identity/metatrail/' },
);

testPage('the keyboard reaches the content first, and a new page begins at its heading', async ({ page, open }) => {
  await open('runs');
  await waitForHeading(page, 'Runs');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate('document.activeElement.textContent'), 'Skip to the content');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate('document.activeElement.textContent'), 'Runs');
  await page.getByRole('link', { name: 'Reports' }).focus();
  await page.keyboard.press('Enter');
  await waitForHeading(page, 'Reports');
  assert.equal(await page.evaluate('document.activeElement.textContent'), 'Reports');
});

for (const width of [1440, 800]) {
  testPage(
    `no page is wider than ${width} pixels`,
    async ({ page, open }) => {
      const views = ['state', 'access', 'holders'].map((view) => `${STAFF}?view=${view}`);
      for (const address of [
        '',
        'changes',
        'changes/14',
        'objects',
        ADA,
        ...views,
        'runs',
        'runs/1',
        'reports',
        'no',
      ]) {
        await open(address);
        await page.locator('main h1').waitFor();
        await page.locator('.skeleton, .chart-waiting').first().waitFor({ state: 'detached' });
        assert.equal(await page.evaluate('document.documentElement.scrollWidth - innerWidth'), 0, address);
      }
    },
    { width },
  );
}
