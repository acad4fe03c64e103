// Chromium as the tests start it: headless, and asking nothing of the network but what a test serves.
import type { TestContext } from 'node:test';
import { type Browser, chromium } from 'playwright-core';
import { requireTool } from './require-tool.ts';

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** undefined where Chromium is not installed: the test is skipped by name, so it returns too. */
export function launchBrowser(t: TestContext): Promise<Browser> | undefined {
  const executablePath = requireTool(t, 'chromium');
  return executablePath === undefined ? undefined : chromium.launch({ executablePath, args: ARGUMENTS });
}
