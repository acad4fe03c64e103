// Signing in as a person does it, in a real browser: with an identity provider, to a service under a path.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { OpenId } from '../api/access/openid.ts';
import { readEnvironment } from '../api/environment.ts';
import { launchBrowser } from './browser.ts';
import { OpenIdProvider } from './openid-provider.ts';
import { SignInWorld } from './sign-in-world.ts';

const BUILT = join(import.meta.dirname, '..', 'dashboards', 'dist');

test('whoever is not signed in is sent to the identity provider and comes back to the application, under its path', async (t) => {
  const launching = launchBrowser(t);
  if (launching === undefined) return;
  assert.ok(existsSync(join(BUILT, 'index.html')), 'dashboards/dist is missing: run `npm run build` first');
  const provider = await OpenIdProvider.at(t);
  const { openId } = readEnvironment({
    METATRAIL_OIDC_ISSUER: provider.issuer,
    METATRAIL_OIDC_CLIENT_ID: 'metatrail',
    METATRAIL_OIDC_ROLES: 'auditors=auditor',
    METATRAIL_OIDC_SCOPE: 'openid email groups',
  });
  assert.ok(openId);
  let address = '';
  const more = { webFolder: BUILT, address: () => new URL(address) };
  const world = await SignInWorld.open(t, more, new OpenId(openId));
  address = `${world.url}/metatrail/`;
  await provider.start({
    callback: `${address}sign-in/callback`,
    people: { ann: { email: 'ann@example.org', groups: ['auditors'] } },
    authentication: 'none',
  });
  const browser = await launching;
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(20_000);
    await page.goto(`${address}runs`);
    await page.getByRole('link', { name: 'Sign in' }).click();
    await page.getByPlaceholder('Enter any login').fill('ann');
    await page.getByPlaceholder('and password').fill('any');
    await page.getByRole('button', { name: 'Sign-in' }).click();
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
    assert.equal(page.url(), address);
    assert.deepEqual(world.signIn.sessions.list()[0]?.viewer, 'ann@example.org');
    await page.goto(`${address}changes`);
    await page.getByRole('heading', { name: 'Changes', level: 1 }).waitFor();
  } finally {
    await browser.close();
  }
});
