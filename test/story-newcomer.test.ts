// A newcomer's first ten minutes: npm start without a configuration, the printed link, and a click through every page of
// the demonstration company in a real browser, down to a PDF.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser } from './browser.ts';
import { assertReplays } from './replayed-state.ts';

/** Generous: other tests run at the same time. README.md has the time on an idle machine. */
const READY_TIMEOUT_MS = 300_000;

async function startDemonstration(t: TestContext): Promise<{ link: string; output: () => string }> {
  const data = mkdtempSync(join(tmpdir(), 'metatrail-newcomer-'));
  const { METATRAIL_CONFIG: _, ...environment } = process.env;
  const child = spawn('npm', ['start', '--silent'], {
    env: { ...environment, METATRAIL_DATA: data, PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  t.after(async () => {
    if (child.exitCode === null && child.pid !== undefined) {
      process.kill(-child.pid, 'SIGTERM');
      await once(child, 'exit');
    }
    try {
      await assertReplays(data);
    } finally {
      rmSync(data, { recursive: true, force: true });
    }
  });
  const deadline = Date.now() + READY_TIMEOUT_MS;
  for (;;) {
    const link = /http:\/\/\S+sign-in\?token=\S+/.exec(output)?.[0];
    if (link !== undefined) return { link, output: () => output };
    assert.equal(child.exitCode, null, output);
    assert.ok(Date.now() < deadline, `not ready: ${output}`);
    await sleep(100);
  }
}

/** A page that remembers what went wrong in it. */
async function openPage(browser: Browser): Promise<{ page: Page; faults: string[] }> {
  const page = await browser.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text());
  });
  return { page, faults };
}

async function visit(page: Page, base: URL, path: string, heading: string | RegExp): Promise<void> {
  await page.goto(new URL(path, base).href);
  await page.getByRole('heading', { level: 1, name: heading }).waitFor();
  await page.waitForLoadState('networkidle');
  assert.equal(await page.getByRole('alert').count(), 0, `${path}: ${await page.getByRole('alert').allTextContents()}`);
}

test('npm start, the printed link, and every page shows the demonstration company', async (t) => {
  const launched = launchBrowser(t);
  if (launched === undefined) return;
  const browser = await launched;
  t.after(() => browser.close());
  const { link, output } = await startDemonstration(t);
  assert.match(output(), /Metatrail runs Nordlicht Instruments/);
  const base = new URL('/', link);
  const { page, faults } = await openPage(browser);

  await page.goto(base.href);
  await page
    .getByText(/sign in/i)
    .first()
    .waitFor();
  faults.length = 0;

  await page.goto(link);
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  await page.waitForLoadState('networkidle');
  assert.match((await page.locator('main').textContent()) ?? '', /Accounts of leavers still open/);

  await visit(page, base, 'changes?stage=projection', 'Changes');
  assert.ok((await page.getByRole('link', { name: /^#\d+$/ }).count()) > 10);
  await page
    .getByRole('link', { name: /^#\d+$/ })
    .first()
    .click();
  await page.getByRole('heading', { level: 1, name: /^Change #\d+/ }).waitFor();
  await page.getByText('What led to it').waitFor();

  await visit(page, base, 'objects', 'Objects');
  await visit(page, base, 'runs', 'Runs');
  await page.locator('main').getByRole('link').first().click();
  await page
    .getByText(/balanced|Complete: what the engine counted/)
    .first()
    .waitFor();

  await visit(page, base, 'reports', 'Reports');
  const pdf = await page.request.get(new URL('reports/leavers.pdf?from=2026-01-01&to=2026-06-30', base).href);
  assert.equal(pdf.status(), 200);
  assert.equal((await pdf.body()).subarray(0, 5).toString(), '%PDF-');
  assert.deepEqual(faults, []);
});
