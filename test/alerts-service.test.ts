// Alerts of a service that is really killed: between finding and telling, and between telling and writing that down.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { SMTPServer } from 'smtp-server';
import { headerOf, type MailServer, startMailServer, until } from './alerts-world.ts';
import { type Company, makeCompany, metatrail, type RunningService, startService } from './service-world.ts';

interface Told {
  id: number;
  told: { told: boolean }[];
  acknowledged: { by: string; why: string } | null;
}

async function occurrences(company: Company): Promise<Told[]> {
  const { stdout, stderr } = await metatrail(company, 'alerts');
  assert.equal(stderr, '');
  const [alert] = JSON.parse(stdout) as { occurrences: { nodes: Told[] } }[];
  return alert?.occurrences.nodes ?? [];
}

/** How many events of alerts there are, by outcome. */
async function countEvents(company: Company): Promise<Record<string, number>> {
  const query = '{ changes(filter: { stages: ["alert"] }, first: 100) { nodes { outcome } } }';
  const { stdout } = await metatrail(company, 'query', query);
  const answer = JSON.parse(stdout) as { data: { changes: { nodes: { outcome: string }[] } } };
  const counts: Record<string, number> = {};
  for (const { outcome } of answer.data.changes.nodes) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

async function kill({ child }: RunningService): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

function companyWithAlerts(t: TestContext, port: number): Company {
  const company = makeCompany(t);
  const file = join(company.folder, 'alerts.yaml');
  writeFileSync(
    file,
    'destinations: { us: { mail: [us@example.org] } }\nalerts: { joiners: { kind: changes, filter: { stages: [projection] }, tell: [us] } }\n',
  );
  const mail = { METATRAIL_SMTP_URL: `smtp://127.0.0.1:${port}`, METATRAIL_MAIL_FROM: 'log@example.org' };
  Object.assign(company.environment, { METATRAIL_ALERTS: file, METATRAIL_METRICS: 'open', ...mail });
  return company;
}

async function whileAway(t: TestContext): Promise<MailServer> {
  const server = await startMailServer(t);
  await server.stop();
  return server;
}

test('a service that is killed between finding and telling tells once it is back, and once', {
  timeout: 300_000,
}, async (t) => {
  const away = await whileAway(t);
  const company = companyWithAlerts(t, away.port);
  const service = await startService(t, company);
  await metatrail(company, 'run', 'hr', 'full');
  let found: Told[] = [];
  while (found.length === 0) found = await occurrences(company);
  await kill(service);
  const server = await startMailServer(t, away.port);
  const { url } = await startService(t, company);
  await until('it is told', () => server.mails.length === 1);
  while (!found[0]?.told[0]?.told) found = await occurrences(company);
  assert.deepEqual(await countEvents(company), { 'alert-raised': 1, 'alert-sent': 1 });
  const metrics = await fetch(new URL('/metrics', url));
  assert.match(await metrics.text(), /^metatrail_alerts_open\{alert="joiners"\} 1$/m);
  const acknowledged = await metatrail(company, 'acknowledge', String(found[0]?.id), '--why', 'the first import');
  assert.equal(acknowledged.status, 0, acknowledged.stderr);
  const again = await metatrail(company, 'acknowledge', String(found[0]?.id), '--why', 'once more');
  assert.match(again.stderr, /is acknowledged already/);
  found = await occurrences(company);
  assert.equal(found[0]?.acknowledged?.why, 'the first import');
  assert.equal(server.mails.length, 1);
});

test('a service that is killed between telling and writing it down tells again with the same id, and the log has one event', {
  timeout: 300_000,
}, async (t) => {
  const mails: string[] = [];
  let service: RunningService | undefined;
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, _, done) {
      text(stream).then((mail) => {
        mails.push(mail);
        // It has taken the mail, and nobody hears of it any more.
        if (mails.length === 1) service?.child.kill('SIGKILL');
        else done();
      }, done);
    },
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  t.after(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  const address = server.server.address();
  const company = companyWithAlerts(t, typeof address === 'object' ? (address?.port ?? 0) : 0);
  service = await startService(t, company);
  const over = once(service.child, 'exit');
  await metatrail(company, 'run', 'hr', 'full');
  await over;
  service = await startService(t, company);
  await until('it is told again', () => mails.length === 2);
  const ids = mails.map((mail) => headerOf(mail, 'Message-ID'));
  assert.ok(ids[0] !== '' && ids[0] === ids[1], ids.join());
  let found: Told[] = [];
  while (!found[0]?.told[0]?.told) found = await occurrences(company);
  assert.deepEqual(await countEvents(company), { 'alert-raised': 1, 'alert-sent': 1 });
});

test('a file of alerts that is wrong stops the start with a sentence that names it', async (t) => {
  const company = companyWithAlerts(t, 9);
  const file = company.environment.METATRAIL_ALERTS ?? '';
  writeFileSync(file, 'destinations: {}\nalerts: { a: { kind: log-lag, seconds: 5, tell: [us] } }\n');
  const { status, stderr } = await metatrail(company, 'start');
  assert.equal(status, 1);
  assert.equal(
    stderr.trim(),
    `The configuration has one fault:\n${file}:2:50: the alert a tells us, which is none of the destinations (alerts.a.tell)`,
  );
});
