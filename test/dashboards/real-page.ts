// A page of a real installation in a real browser: the service over HTTP, the built application, somebody signed in.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import pino from 'pino';
import type { Page } from 'playwright-core';
import { createHttpApplication, listen } from '../../api/http/server.ts';
import type { Installation } from '../../api/installation.ts';
import { SignIn } from '../../api/sign-in.ts';
import { launchBrowser } from '../browser.ts';

const BUILT = join(import.meta.dirname, '..', '..', 'dashboards', 'dist');
const PATIENCE_MS = 20_000;

export interface RealPage {
  page: Page;
  /** Opens an address of the application: 'changes?agent=hr'. */
  open: (address: string) => Promise<void>;
}

/** Shows pages until `body` is done. Where Chromium is not installed the test is skipped by name. */
export async function withPage(
  t: TestContext,
  installation: Installation,
  body: (shown: RealPage) => Promise<void>,
): Promise<void> {
  const launching = launchBrowser(t);
  if (launching === undefined) return;
  assert.ok(existsSync(join(BUILT, 'index.html')), 'dashboards/dist is missing: run `npm run build` first');
  const signIn = new SignIn(installation.log.journal);
  const application = createHttpApplication({
    installation,
    signIn,
    logger: pino({ level: 'silent' }),
    notReady: () => undefined,
    webFolder: BUILT,
    publicLog: false,
  });
  const server = await listen(application, '127.0.0.1', 0);
  const browser = await launching;
  try {
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    page.setDefaultTimeout(PATIENCE_MS);
    await page.goto(`${address}sign-in?token=${await signIn.createLink()}`);
    await body({ page, open: async (path) => void (await page.goto(address + path)) });
  } finally {
    await browser.close();
    server.closeAllConnections();
    server.close();
  }
}
