// Why sensitive values are wanted, beside the header: on the command line, and in the link to a report.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { requireTool } from './require-tool.ts';
import { type Company, makeCompany, metatrail, startService } from './service-world.ts';

const VALUES = '{ changes(filter: { attribute: "locker" }) { nodes { values { attribute new } } } }';

/** The README's company, whose accounts have something sensitive. */
async function makeSensitiveCompany(t: TestContext): Promise<Company> {
  const company = makeCompany(t);
  const text = readFileSync(company.configuration, 'utf8');
  const changed = text.replace(
    'attributes: { uid: uid, cn: cn, sn: sn }',
    `attributes: { uid: uid, cn: cn, sn: sn, locker: { type: string, computed: "'Vault-' + entry.uid", marks: [entitlement, sensitive] } }`,
  );
  assert.notEqual(changed, text);
  writeFileSync(company.configuration, changed);
  for (const [agent, profile] of [
    ['hr', 'full'],
    ['directory', 'export'],
    ['directory', 'confirm'],
  ] as const)
    assert.equal((await metatrail(company, 'run', agent, profile)).status, 0);
  return company;
}

interface ReadNode {
  question: string;
  reason: string | null;
}

async function readsOf(company: Company): Promise<ReadNode[]> {
  const { stdout, status } = await metatrail(company, 'reads');
  assert.equal(status, 0);
  return (JSON.parse(stdout) as { reads: { nodes: ReadNode[] } }).reads.nodes;
}

test('with --reason a question tells sensitive values, whether a service answers or the data folder, and it stands in the read', async (t) => {
  const company = await makeSensitiveCompany(t);
  const asked = async (...reason: string[]) => (await metatrail(company, 'query', VALUES, ...reason)).stdout;
  const whose = { folder: 'Fall 17: Zoë', service: 'Case 18' };
  assert.doesNotMatch(await asked(), /Vault/);
  assert.match(await asked('--reason', whose.folder), /Vault-1001/);
  const service = await startService(t, company);
  assert.doesNotMatch(await asked(), /Vault/);
  assert.match(await asked('--reason', whose.service), /Vault-1001/);
  for (const none of ['', '  ', 'x'.repeat(501)]) {
    const { status, stderr } = await metatrail(company, 'query', VALUES, '--reason', none);
    assert.equal(status, 1);
    assert.equal(stderr.trim(), '--reason is empty or has more than 500 characters; say in a sentence why.');
  }
  await service.stop();
  const reads = (await readsOf(company)).filter(({ question }) => question === 'changes');
  assert.deepEqual(
    reads.map(({ reason }) => reason),
    [whose.service, null, whose.folder, null],
  );
});

test('a report tells them with --reason, with the header and with a reason in its link, but not one that another site wrote', async (t) => {
  const pdftotext = requireTool(t, 'pdftotext');
  if (pdftotext === undefined) return;
  const company = await makeSensitiveCompany(t);
  const textOf = (pdf: Uint8Array) =>
    spawnSync(pdftotext, ['-layout', '-', '-'], { input: pdf, encoding: 'utf8' }).stdout;
  const file = join(company.folder, 'access.pdf');
  const written = async (...reason: string[]) => {
    const { status, stderr } = await metatrail(
      company,
      'report',
      'access',
      '--at',
      '2030-01-01',
      '--out',
      file,
      ...reason,
    );
    assert.equal(status, 0, stderr);
    return textOf(readFileSync(file));
  };
  assert.doesNotMatch(await written(), /Vault/);
  assert.match(await written('--reason', 'Case 1'), /Vault-1001/);
  await startService(t, company);
  assert.doesNotMatch(await written(), /Vault/);
  assert.match(await written('--reason', 'Case 2'), /Vault-1001/);
  const { url, token } = JSON.parse(readFileSync(join(company.data, 'service.json'), 'utf8')) as Record<string, string>;
  const fetched = async (link: string, headers: Record<string, string> = {}) => {
    const response = await fetch(new URL(`reports/access.pdf?at=2030-01-01${link}`, url), {
      headers: { authorization: `Bearer ${token}`, ...headers },
    });
    assert.equal(response.status, 200);
    return textOf(new Uint8Array(await response.arrayBuffer()));
  };
  assert.match(await fetched('&reason=Case%203'), /Vault-1001/);
  assert.match(await fetched('&reason=Case%204', { 'sec-fetch-site': 'same-origin' }), /Vault-1001/);
  assert.doesNotMatch(await fetched('&reason=Case%205', { 'sec-fetch-site': 'cross-site' }), /Vault/);
  assert.match(await fetched('&reason=Case%206', { 'x-metatrail-reason': 'Case%207' }), /Vault-1001/);
  const reads = (await readsOf(company)).filter(({ question }) => question === 'report');
  assert.deepEqual(reads.map(({ reason }) => reason).reverse(), [
    ...[null, 'Case 1', null, 'Case 2', 'Case 3', 'Case 4', null, 'Case 7'],
  ]);
});
