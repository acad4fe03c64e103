// A test of a page in a real browser: the built application, served by a fixture server of its own.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Browser, Locator, Page } from 'playwright-core';
import { launchBrowser } from '../browser.ts';
import { type FixtureServer, startFixtureServer } from './fixture-server.ts';

interface Given {
  page: Page;
  server: FixtureServer;
  /** Opens an address of the application: 'changes?agent=hr'. */
  open: (address: string) => Promise<void>;
}

interface Wanted {
  /** Where the application lives on the server. */
  path?: string;
  width?: number;
}

const BUILT = join(import.meta.dirname, '..', '..', 'dashboards', 'dist', 'index.html');
const PATIENCE_MS = 10_000;

let browser: Promise<Browser> | undefined;

after(async () => (await browser)?.close());

/** The page must raise no error and break no rule of the content security policy. The browser is far from UTC. */
export function testPage(name: string, body: (given: Given) => Promise<void>, wanted: Wanted = {}): void {
  test(name, async (t) => {
    browser ??= launchBrowser(t);
    if (browser === undefined) return;
    assert.ok(existsSync(BUILT), 'dashboards/dist is missing: run `npm run build` first');
    const server = await startFixtureServer(wanted.path);
    const context = await (await browser).newContext({
      viewport: { width: wanted.width ?? 1440, height: 900 },
      timezoneId: 'Pacific/Auckland',
      locale: 'en-US',
    });
    try {
      const page = await context.newPage();
      page.setDefaultTimeout(PATIENCE_MS);
      const mistakes: string[] = [];
      page.on('pageerror', (error) => mistakes.push(error.message));
      page.on('console', (message) => {
        if (/content security policy/i.test(message.text())) mistakes.push(message.text());
      });
      await body({ page, server, open: async (address) => void (await page.goto(server.address + address)) });
      assert.deepEqual(mistakes, []);
    } finally {
      await context.close();
      await server.close();
    }
  });
}

/** Waits until the page's heading says so. */
export async function waitForHeading(page: Page, name: string): Promise<void> {
  await page.getByRole('heading', { level: 1, name, exact: true }).waitFor();
}

/** The text of every element, in order. */
export async function readTexts(page: Page, selector: string): Promise<string[]> {
  return (await page.locator(selector).allInnerTexts()).map(joinLines);
}

/** The text of the one element, which is waited for. */
export async function readText(element: Locator): Promise<string> {
  await element.waitFor();
  return (await element.allInnerTexts()).map(joinLines).join(' | ');
}

function joinLines(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}
