// Erasure and holds on the command line, through the service and without one.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Company, makeCompany, metatrail, startService } from './service-world.ts';

async function succeed(company: Company, ...command: string[]): Promise<unknown> {
  const { status, stdout, stderr } = await metatrail(company, ...command);
  assert.equal(status, 0, `${command.join(' ')}: ${stderr}`);
  return JSON.parse(stdout);
}

async function fail(company: Company, ...command: string[]): Promise<string> {
  const { status, stderr } = await metatrail(company, ...command);
  assert.equal(status, 1, command.join(' '));
  assert.doesNotMatch(stderr, /node:internal|file:\/\//);
  return stderr.trim();
}

/** The README's company, of which Ann has left. */
async function makeLeaver(t: TestContext): Promise<{ company: Company; ann: string; stop: () => Promise<void> }> {
  const company = makeCompany(t);
  const service = await startService(t, company);
  const cycle = async () => {
    for (const [agent, profile] of [
      ['hr', 'full'],
      ['directory', 'export'],
      ['directory', 'confirm'],
    ] as const)
      await succeed(company, 'run', agent, profile);
  };
  await cycle();
  const people = join(company.folder, 'people.csv');
  writeFileSync(people, readFileSync(people, 'utf8').replace('1001,Ann Smith\n', ''));
  await cycle();
  const found = (await succeed(company, 'query', '{ objects(search: "Ann Smith") { id } }')) as {
    data: { objects: { id: string }[] };
  };
  return { company, ann: found.data.objects[0]?.id ?? assert.fail('she was there'), stop: service.stop };
}

const WHO = ['--who', 'privacy officer', '--why', 'request 7'];

test('a leaver is looked at, held, erased and certified by commands', { timeout: 240_000 }, async (t) => {
  const { company, ann, stop } = await makeLeaver(t);
  const plan = (await succeed(company, 'erase', ann, '--dry-run')) as Record<string, unknown>;
  assert.deepEqual(plan.objects, [ann]);
  assert.deepEqual(plan.keys, { objects: 1, entries: 2, actors: 0, references: 0, reads: 1 });
  assert.match(await fail(company, 'erase', ann), /^Say with --who who asks for it and with --why the reason/);
  const hold = (await succeed(company, 'hold', 'add', ann, '--who', 'counsel', '--why', 'case 12')) as { id: number };
  assert.equal(
    await fail(company, 'erase', ann, ...WHO),
    `The legal hold ${hold.id} covers this person. Remove what stands in the way, then ask for it again; nothing was erased.`,
  );
  assert.deepEqual(
    ((await succeed(company, 'hold', 'list')) as { id: number }[]).map(({ id }) => id),
    [hold.id],
  );
  assert.match(
    await fail(company, 'hold', 'remove', '1', ...WHO),
    new RegExp(`^There is no hold 1; in force are ${hold.id}\\.`),
  );
  await succeed(company, 'hold', 'remove', String(hold.id), ...WHO);
  await stop();
  const away = { ...company, environment: { ...company.environment, CLICKHOUSE_URL: 'http://127.0.0.1:9' } };
  assert.match(await fail(away, 'erase', ann, ...WHO), /ClickHouse/);
  const erased = (await succeed(company, 'erase', ann, ...WHO, '--now')) as { event: number; settled: boolean };
  assert.equal(erased.settled, true);
  const checked = await metatrail(company, 'verify');
  assert.equal(checked.status, 0, checked.stdout + checked.stderr);
  assert.match(
    checked.stdout,
    new RegExp(`Erased by event ${erased.event}: \\d+ commitments stand in place of content`),
  );
  const backup = 'tape 7 until 2027-03-31';
  const certified = ['erase', '--certificate', String(erased.event), '--who', 'privacy officer', '--backup', backup];
  assert.match(await fail(company, ...certified), /is known no more, and cannot be looked for.*--name/);
  const archive = join(company.folder, 'archive.zip');
  writeFileSync(archive, Buffer.from('504b0304000000000000', 'hex'));
  const told = ['--name', 'Ann Smith', '1001', '--folder', archive];
  const certificate = (await succeed(company, ...certified, ...told)) as Record<string, unknown>;
  assert.deepEqual([certificate.values, certificate.names, certificate.keysSearched], [null, 2, 0]);
  assert.deepEqual(certificate.notSearched, [`${archive} (zip)`]);
  assert.equal(certificate.erasure, erased.event);
  assert.deepEqual(certificate.backups, ['tape 7, until 2027-03-31']);
  assert.match(await fail(company, 'erase', ann, ...WHO), /^Nothing personal is kept under the object/);
});
