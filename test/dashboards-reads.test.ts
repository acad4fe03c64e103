// The page "Who looked" in a real browser.
import assert from 'node:assert/strict';
import { idOf } from './dashboards/fixture-log.ts';
import { readText, readTexts, testPage, waitForHeading } from './dashboards/page-test.ts';

testPage(
  'who looked at what is a table: who, from where, what was asked with what, and how much was told',
  async ({ page, open }) => {
    await open('reads');
    await waitForHeading(page, 'Who looked');
    await page.getByRole('region', { name: 'Reads, newest first' }).waitFor();
    const rows = await readTexts(page, '.reads tbody tr');
    assert.equal(rows.length, 3);
    assert.match(
      rows[0] ?? '',
      /^2024-05-31 09:20:07 #212 local administrator from 127\.0\.0\.1 One object history Ada \S+ person id Ada \S+ Answered 12 209$/,
    );
    assert.match(rows[1] ?? '', /command line on the machine itself Changes .*withheld Refused —/);
    assert.match(rows[2] ?? '', /A report report access at 2024-03-31 Answered 1,204/);
  },
);

testPage('its filters are in the address, and lead there from an object', async ({ page, server, open }) => {
  await open(`objects/${idOf(1, 1)}`);
  const views = page.getByRole('navigation', { name: 'Views of this object' });
  await views.getByRole('link', { name: 'Who looked' }).click();
  await page.waitForURL(/reads\?object=/);
  await page.locator('.reads tbody tr').first().waitFor();
  const form = page.getByRole('form', { name: 'Filter the reads' });
  await form.getByLabel('Question').selectOption('object');
  await form.getByLabel('Who asked').fill('local administrator');
  await form.getByLabel('From (UTC)').fill('2024-05-01T00:00:00');
  await form.getByRole('button', { name: 'Apply' }).click();
  await page.waitForURL(/question=object/);
  await page.locator('.reads tbody tr').first().waitFor();
  assert.deepEqual(server.questions.at(-1)?.variables.filter, {
    viewer: 'local administrator',
    object: idOf(1, 1),
    question: 'object',
    from: '2024-05-01T00:00:00Z',
  });
  await open('reads?viewer=nobody');
  assert.match(await readText(page.locator('.empty')), /No read fits these filters\. \| ?Clear|No read fits these/);
});
