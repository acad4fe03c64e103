// The pages of a log of which partitions have expired: each that could have had something of the time before says so.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { readText, readTexts, waitForHeading } from './dashboards/page-test.ts';
import { withPage } from './dashboards/real-page.ts';
import { ANN, BOB } from './erasure-world.ts';
import { BELOW, letExpire, openOldLog } from './expired-world.ts';

const GONE = new RegExp(`^Events before ${BELOW} have expired, the last of which happened at .+: of times up to then`);
const LATER = '2100-01-01T00:00:00Z';

test('the pages of a log that has expired in part say what is gone', { timeout: 300_000 }, async (t) => {
  const world = await openOldLog(t);
  const ann = await world.objectOf(ANN.name);
  const [bob, apollo] = [await world.objectOf(BOB.name), await world.objectOf('apollo')];
  const { until } = await letExpire(world);
  const early = new Date(until / 1000 - 1000).toISOString();
  const [carried] = await world.rows(
    "SELECT max(sequence) AS sequence, max(causes[1]) AS cause FROM events WHERE stage = 'baseline' AND length(causes) > 0 LIMIT 1",
    z.object({ sequence: z.number(), cause: z.number() }),
  );

  await withPage(t, world.installation, async ({ page, open }) => {
    /** What the page says is gone, once its answer is there. */
    const gone = async (address: string) => {
      await open(address);
      await page.locator('.answer, .empty').first().waitFor();
      await page.waitForLoadState('networkidle');
      return readTexts(page, '.notice.gone');
    };
    for (const address of [
      '',
      'objects',
      `objects?search=${encodeURIComponent(ANN.name)}`,
      `objects/${ann}`,
      `objects/${bob}?attribute=department&stages=import`,
      `objects/${bob}?view=state&at=${early}`,
      `objects/${bob}?view=access&at=${early}`,
      `objects/${apollo}?view=holders&at=${early}`,
      'changes?attribute=nothing-has-this',
      'changes/5',
      'runs?agent=directory',
      'runs/1',
      'reads',
      'reports',
    ]) {
      const told = await gone(address);
      assert.equal(told.length, 1, address);
      assert.match(told[0] ?? '', GONE, address);
    }
    for (const address of [
      'changes',
      `changes?from=${LATER}`,
      `objects/${bob}?view=state`,
      `objects/${bob}?view=access`,
      `objects/${apollo}?view=holders`,
    ])
      assert.deepEqual(await gone(address), [], address);

    await open('changes/5');
    await page.getByText('The change 5 has expired.').waitFor();
    await open('runs/1');
    await page.getByText('The run 1 has expired.').waitFor();
    await open('reads');
    await page.getByText('What was older has expired').waitFor();
    await open(`changes/${carried?.sequence}`);
    await waitForHeading(page, `Change #${carried?.sequence}`);
    await page.getByText('What led to it has expired.').waitFor();
    assert.match(
      await readText(page.locator('.notice.gone')),
      /^Of what led to it, the changes? [\d, ]+ ha(s|ve) expired: the chain of causes begins after/,
    );
    assert.match((await readTexts(page, '.hop.current')).join(), /after what has expired/);
    assert.doesNotMatch((await readTexts(page, '.hop.current')).join(), /the root/);
  });
});
