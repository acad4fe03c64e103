// Sensitive values on the pages, in a real browser: withheld until whoever looks says why, and the reason is in the log.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiWorld, liveHalfAYear } from './api/world.ts';
import { readText } from './dashboards/page-test.ts';
import { withPage } from './dashboards/real-page.ts';
import { afterwards } from './ingest-world.ts';

test('a sensitive value is withheld until an investigator says why, and again when they take it back', async (t) => {
  const world = await ApiWorld.open();
  afterwards(t, () => world.close());
  await liveHalfAYear(world);
  const reason = 'Fall 17: „wer war wann in welcher Abteilung?“';
  await withPage(t, world.installation, async ({ page, open }) => {
    await open(`changes?attribute=department&object=${world.id('Änne Müller')}`);
    const rows = page.locator('.changes tbody, [aria-label="Changes, newest first"]').first();
    await rows.getByText('withheld').first().waitFor();
    assert.doesNotMatch(await readText(rows), /Sales/);
    await page.getByRole('button', { name: 'Sensitive values…' }).click();
    await page.getByLabel('Why? It stands in the log').fill(reason);
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    await rows.getByText('Sales').first().waitFor();
    await page.getByRole('button', { name: 'Hide sensitive values' }).click();
    await rows.getByText('withheld').first().waitFor();
    assert.doesNotMatch(await readText(rows), /Sales/);
  });
  const reasons = world.events().flatMap(({ values }) => values.filter(({ attribute }) => attribute === 'reason'));
  assert.ok(reasons.length > 0);
  assert.deepEqual([...new Set(reasons.map(({ new: text }) => text))], [reason]);
});
