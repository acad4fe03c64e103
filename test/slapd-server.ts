// A real slapd for a test: loads an LDIF file with slapadd, serves it on a socket of its own, and answers ldapsearch.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type LdifRecord, parseLdif } from '../engine/connectors/ldif-format.ts';
import { requireTool } from './require-tool.ts';

export interface SlapdServer {
  /** Everything it holds, as slapcat writes it. `isBinary` says which attributes are kept as base64. */
  dump(isBinary?: (type: string) => boolean): LdifRecord[];
  search(filter: string, ...attributes: string[]): LdifRecord[];
}

/** Starts slapd with the contents of an LDIF file; undefined where it is not installed (the test is skipped by name). */
export async function startSlapd(t: TestContext, suffix: string, ldifFile: string): Promise<SlapdServer | undefined> {
  const slapd = requireTool(t, 'slapd');
  const slapadd = requireTool(t, 'slapadd');
  const slapcat = requireTool(t, 'slapcat');
  const ldapsearch = requireTool(t, 'ldapsearch');
  if (!slapd || !slapadd || !slapcat || !ldapsearch) return undefined;
  const home = mkdtempSync(join(tmpdir(), 'metatrail-slapd-'));
  t.after(() => rmSync(home, { recursive: true }));
  const configuration = configure(home, suffix);
  runTool(slapadd, '-q', '-f', configuration, '-b', suffix, '-l', ldifFile);
  const url = `ldapi://${encodeURIComponent(join(home, 'ldapi'))}`;
  const server = spawn(slapd, ['-f', configuration, '-h', url, '-d', '0'], { stdio: 'ignore' });
  t.after(async () => {
    server.kill();
    if (server.exitCode === null) await once(server, 'exit');
  });
  const search = (...rest: string[]) => ['-x', '-LLL', '-o', 'ldif-wrap=no', '-H', url, '-b', suffix, ...rest];
  for (let attempt = 0; spawnSync(ldapsearch, search('-s', 'base', 'dn')).status !== 0; attempt++) {
    assert.ok(attempt < 200, 'slapd did not answer within ten seconds');
    await sleep(50);
  }
  return {
    dump: (isBinary) => parseLdif(runTool(slapcat, '-f', configuration, '-b', suffix), isBinary),
    search: (filter, ...attributes) => parseLdif(runTool(ldapsearch, ...search(filter, ...attributes))),
  };
}

function configure(home: string, suffix: string): string {
  mkdirSync(join(home, 'db'));
  const schema = ['core', 'cosine', 'inetorgperson', 'nis'].map((name) => `include /etc/ldap/schema/${name}.schema`);
  const lines = [
    ...schema,
    'modulepath /usr/lib/ldap',
    'moduleload back_mdb',
    `pidfile ${join(home, 'slapd.pid')}`,
    'sizelimit unlimited',
    'database mdb',
    `suffix ${suffix}`,
    `directory ${join(home, 'db')}`,
    'maxsize 67108864',
  ];
  const file = join(home, 'slapd.conf');
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

function runTool(tool: string, ...options: string[]): string {
  const { status, stdout, stderr } = spawnSync(tool, options, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  assert.equal(status, 0, stderr);
  return stdout;
}
