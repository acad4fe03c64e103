// The pages while ClickHouse has no room for what is accepted: they answer up to the watermark and say how far behind it is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readText } from './dashboards/page-test.ts';
import { withPage } from './dashboards/real-page.ts';
import { beginWithClickHouse, openCompany } from './lagging-world.ts';

beginWithClickHouse();

test('the overview says how many events are not delivered yet, and since when', { timeout: 120_000 }, async (t) => {
  const { installation, clickhouse } = await openCompany(t, 3);
  const { journal, shipper } = installation.log;
  await installation.engine.run('hr', 'full');
  await shipper.delivered(journal.size);
  await withPage(t, installation, async ({ page, open }) => {
    const header = page.locator('.log-state');
    const lag = page.locator('dt', { hasText: 'Not delivered yet (lag)' }).locator('xpath=following-sibling::dd[1]');
    await open('');
    // The question of the page itself may be on its way.
    assert.match(await readText(header), /^\d+ events(, \d not delivered yet)?$/);

    await page.waitForLoadState('networkidle');
    await shipper.delivered(journal.size);
    clickhouse.mood = 'out-of-memory-for-inserts';
    const watermark = shipper.shipped;
    await installation.engine.run('hr', 'full');
    while (shipper.problem === undefined) await sleep(20);
    await open('');
    const told = await readText(lag);
    const [, events = '', age = ''] = /^(\d+), the oldest for (.+)$/.exec(told) ?? [];
    assert.ok(Number(events) > 3 && Number(events) <= journal.size - watermark, told);
    assert.match(age, /^\d+(\.\d+)? m?s$/);
    assert.match(await readText(header), /^Log has a problem, \d+ not delivered yet$/);
    await page.getByRole('alert').getByText('ClickHouse').first().waitFor();
    const delivered = page.locator('dt', { hasText: 'Delivered up to' }).locator('xpath=following-sibling::dd[1]');
    assert.equal(await readText(delivered), String(watermark));

    clickhouse.mood = 'well';
    await shipper.delivered(journal.size);
    await open('');
    assert.doesNotMatch(await readText(header), /problem/);
  });
});
