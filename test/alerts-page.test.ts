// The page "Alerts" of a real installation in a real browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AlertsWorld, factOf, settingsOf, startMailServer, until } from './alerts-world.ts';
import { withPage } from './dashboards/real-page.ts';

test('the page tells what was found and who was told, and a person acknowledges it there', {
  timeout: 120_000,
}, async (t) => {
  const server = await startMailServer(t);
  const world = await AlertsWorld.open(t, server.url);
  const yaml = `destinations: { security: { mail: [security@example.org] } }
alerts: { joiners: { kind: changes, filter: { stages: [projection] }, severity: high, tell: [security] } }\n`;
  await world.watch(settingsOf(t, yaml));
  await world.people('2024-01', 'Anne');
  await until('it is told', () => world.events('alert-sent').length === 1);
  await world.look();
  await withPage(t, world.api.installation, async ({ page, open }) => {
    await open('');
    await page.getByRole('navigation', { name: 'Pages of Metatrail' }).getByRole('link', { name: 'Alerts' }).click();
    const section = page.getByRole('region', { name: 'Alert joiners' });
    await section.waitFor();
    const text = (await section.textContent()) ?? '';
    assert.match(text, /1 open/);
    assert.match(text, /security mail 127\.0\.0\.1:\d+ told/);
    assert.doesNotMatch(text, /Anne/);
    await section.getByLabel('What you found or did').fill('the new class began');
    await section.getByRole('button', { name: 'Acknowledge' }).click();
    await section.getByText('the new class began').waitFor();
    assert.equal(await section.getByRole('button', { name: 'Acknowledge' }).count(), 0);
  });
  const [acknowledged] = world.events('alert-acknowledged');
  assert.ok(acknowledged);
  assert.deepEqual(
    [acknowledged.initiator, factOf(acknowledged, 'reason')],
    ['local administrator', 'the new class began'],
  );
});
