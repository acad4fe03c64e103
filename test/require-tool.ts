// What a test needs from outside the repository, asked for by name: a Debian tool or a file of the real test data.
// Missing here means skipped by name; missing with CI=true is a failure, so that no machine passes by not looking.
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import type { TestContext } from 'node:test';

/** The Debian package that brings each tool. test/run.ts installs these. */
export const TOOL_PACKAGES = {
  slapd: 'slapd',
  slapadd: 'slapd',
  slapcat: 'slapd',
  ldapsearch: 'ldap-utils',
  chromium: 'chromium',
  pdftotext: 'poppler-utils',
  pdftoppm: 'poppler-utils',
  qpdf: 'qpdf',
  strace: 'strace',
  openssl: 'openssl',
  pgbench: 'postgresql-15',
  script: 'bsdutils',
  'systemd-analyze': 'systemd',
  nginx: 'nginx-light',
  rsyslogd: 'rsyslog-gnutls',
} as const;

export type Tool = keyof typeof TOOL_PACKAGES;

/** Server tools live in /usr/sbin, and PostgreSQL's in a folder of their own, which are not on everybody's PATH. */
const EXTRA_FOLDERS = ['/usr/sbin', '/usr/bin', '/usr/lib/postgresql/15/bin'];

/** The path of the tool, or undefined where it is not installed. */
export function findTool(name: Tool): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== ''), ...EXTRA_FOLDERS];
  return folders.map((folder) => join(folder, name)).find(isExecutableFile);
}

/**
 * The path of the tool. Where it is missing the test is skipped by name and undefined returned, so the test returns too;
 * with CI=true an Error that names the Debian package is raised instead.
 */
export function requireTool(t: TestContext, name: Tool): string | undefined {
  const path = findTool(name);
  if (path === undefined) skipOrFail(t, `needs ${name} (Debian package ${TOOL_PACKAGES[name]})`);
  return path;
}

/**
 * The absolute path of a file or folder below METATRAIL_TEST_DATA. Unset, the test is skipped by name and undefined
 * returned (an Error with CI=true). Set, but without that file, is always an Error: the data is not what was promised.
 */
export function requireTestData(t: TestContext, relativePath: string): string | undefined {
  const root = process.env.METATRAIL_TEST_DATA;
  if (root === undefined || root === '') {
    skipOrFail(t, `needs ${relativePath} of the test data (METATRAIL_TEST_DATA names its folder)`);
    return undefined;
  }
  const path = resolve(root, relativePath);
  if (!existsSync(path)) throw new Error(`METATRAIL_TEST_DATA is ${root}, but ${path} does not exist`);
  return path;
}

function skipOrFail(t: TestContext, what: string): void {
  if (process.env.CI === 'true') throw new Error(`${what}; with CI=true nothing is skipped`);
  t.skip(what);
}

function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false; // not there, or not for us: either way this folder does not offer the tool
  }
}
