// Exports over HTTP: who may have one, what the log says of it, its manifest, and that a broken one is never taken for whole.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { get, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'csv-parse/sync';
import { pino } from 'pino';
import { manifestSchema } from '../api/exports/manifest.ts';
import { createHttpApplication, listen } from '../api/http/server.ts';
import { SignIn } from '../api/sign-in.ts';
import type { ProposedEvent } from '../ingest/event.ts';
import { verifyInclusion } from '../ingest/merkle/proof.ts';
import { ApiWorld, instant } from './api/world.ts';

const EVENTS = 6000;
let world: ApiWorld;
let signIn: SignIn;
let server: Server;
let url: string;
before(async () => {
  world = await ApiWorld.open();
  world.hr('2024-01', [{ id: '1', name: '=Änne Müller', department: 'Sales', projects: 'Red' }]);
  await world.run('hr', 'full');
  await world.compareNow();
  const event: ProposedEvent = {
    occurredAt: instant('2024-06-01T00:00:00Z'),
    occurredAtKnown: 'observed',
    stage: 'import',
    operation: 'update',
    outcome: 'stage-update',
    agent: 'bulk',
    values: [{ attribute: 'cn', type: 'string', operation: 'add', new: 'x'.repeat(3000), marks: 0 }],
    initiatorKnown: 'unknown',
    causes: [],
    outOfBand: false,
  };
  await world.installation.log.journal.accept(() => ({ events: new Array(EVENTS).fill(event), state: [] }));
  await world.delivered();
  signIn = new SignIn(world.installation.log.journal);
  const application = createHttpApplication({
    installation: world.installation,
    signIn,
    logger: pino({ level: 'silent' }),
    notReady: () => undefined,
    publicLog: false,
    webFolder: world.folder,
  });
  server = await listen(application, '127.0.0.1', 0);
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(async () => {
  server.closeAllConnections();
  server.close();
  await world.close();
});

const bearer = () => ({ authorization: `Bearer ${signIn.commandLineToken}` });
const ask = (path: string, headers: Record<string, string> = bearer()) => fetch(`${url}/${path}`, { headers });

async function manifestOf(id: string | null, headers: Record<string, string> = bearer()) {
  const response = await ask(`exports/${id}/manifest.json`, headers);
  assert.equal(response.status, 200, await response.clone().text());
  return manifestSchema.parse(await response.json());
}

interface ExportRead {
  question: string | undefined;
  outcome: string;
  error: string | undefined;
  told: Record<string, string | undefined>;
}

function exportReads(): ExportRead[] {
  return world
    .events()
    .filter(({ stage }) => stage === 'read')
    .map(({ outcome, error, values }) => {
      const told = Object.fromEntries(values.map((value) => [value.attribute, value.new]));
      return { question: told.question, outcome, error, told };
    });
}

/** What the log said of exports since. */
async function readsSince(count: number, until: number): Promise<ExportRead[]> {
  for (let attempt = 0; exportReads().length < count + until && attempt < 200; attempt++) await sleep(25);
  return exportReads().slice(count);
}

test('a file comes with its type and name, and its manifest says what it is and by what it is proved', async () => {
  const count = exportReads().length;
  const response = await ask('exports/changes.csv?agent=bulk&from=2024-01-01T00:00:00Z');
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'text/csv; charset=utf-8; header=present');
  assert.match(response.headers.get('content-disposition') ?? '', /^attachment; filename=changes-\d{8}T\d{6}Z\.csv$/);
  const file = Buffer.from(await response.arrayBuffer());
  assert.equal(parse(file, { columns: true }).length, EVENTS);
  const id = response.headers.get('x-metatrail-export');
  const manifest = await manifestOf(id);
  const { query, file: described, ...said } = manifest;
  assert.deepEqual(query, {
    list: 'changes',
    parameters: { from: '2024-01-01T00:00:00.000000Z', agent: 'bulk' },
    order: 'in the order of the log',
  });
  const sequences = world.sequences(({ agent }) => agent === 'bulk');
  assert.deepEqual(
    [said.export, said.asked_by, said.complete, said.entries, said.rows, said.first_sequence, said.last_sequence],
    [id, 'command line', true, EVENTS, EVENTS, sequences[0], sequences.at(-1)],
  );
  assert.match(said.started_at, /^\d{4}-\d\d-\d\dT.*Z$/);
  assert.deepEqual(said.withheld, ['sensitive']);
  assert.equal(described.bytes, file.length);
  assert.equal(described.sha256, createHash('sha256').update(file).digest('hex'));
  const { checkpoint } = manifest;
  assert.ok(checkpoint && checkpoint.size >= manifest.watermark);
  const proof = await world.installation.log.checkpoints.proveInclusion(manifest.last_sequence ?? -1, checkpoint.size);
  assert.equal(checkpoint.note, proof.checkpoint?.note);
  assert.ok(
    verifyInclusion({
      leaf: proof.leaf,
      index: proof.sequence,
      size: proof.size,
      root: proof.root,
      proof: proof.proof,
    }),
  );
  const [asked, ended] = exportReads().slice(count);
  assert.deepEqual(
    [asked?.question, asked?.outcome, asked?.told['parameter/list'], asked?.told['parameter/agent']],
    ['export', 'answered', 'changes', 'bulk'],
  );
  assert.deepEqual(
    [
      ended?.question,
      ended?.outcome,
      ended?.told.rows,
      ended?.told['parameter/export'],
      ended?.told['parameter/sha256'],
    ],
    ['exportEnd', 'answered', String(EVENTS), id, described.sha256],
  );
});

test('a sensitive value is there for whoever gives a reason, and the manifest says that it was withheld from the others', async () => {
  const headers = { ...bearer(), 'x-metatrail-reason': 'audit' };
  const [told, kept] = await Promise.all([
    ask('exports/changes.csv?attribute=department', headers),
    ask('exports/changes.csv?attribute=department'),
  ]);
  assert.match(await told.text(), /,Sales,/);
  const text = await kept.text();
  assert.doesNotMatch(text, /Sales/);
  assert.match(text, /,department,.*,true,/);
  const [open, closed] = [told, kept].map((response) => response.headers.get('x-metatrail-export'));
  assert.deepEqual(
    [(await manifestOf(open ?? '')).withheld, (await manifestOf(open ?? '')).reason],
    [undefined, 'audit'],
  );
  assert.deepEqual((await manifestOf(closed ?? '')).withheld, ['sensitive']);
});

async function tokenOf(roles: ('auditor' | 'operator' | 'manager' | 'administrator')[], name: string) {
  const answer = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { ...bearer(), 'content-type': 'application/json' },
    body: JSON.stringify({
      query: `mutation ($roles: [Role!]!) { createToken(name: "${name}", roles: $roles, expiresAt: "2027-06-30T00:00:00Z", why: "a test") { secret } }`,
      variables: { roles },
    }),
  });
  const text = await answer.text();
  const secret = /"secret":"([^"]+)"/.exec(text)?.[1];
  assert.ok(secret, text);
  return { authorization: `Bearer ${secret}` };
}

test('who is not signed in, whose roles do not allow it and a page of another site get nothing, and what is asked wrongly is said', async () => {
  assert.equal((await ask('exports/changes.csv', {})).status, 401);
  const count = exportReads().length;
  const operator = await tokenOf(['operator'], 'runner');
  const refused = await ask('exports/changes.csv', operator);
  assert.deepEqual([refused.status, /it takes auditor or/.test(await refused.text())], [403, true]);
  assert.deepEqual(
    exportReads()
      .slice(count)
      .map(({ question, outcome, error }) => [question, outcome, error]),
    [['export', 'refused', 'forbidden']],
  );
  assert.equal((await ask('exports/changes.csv', { ...bearer(), 'sec-fetch-site': 'cross-site' })).status, 403);
  const wrong: [string, number, RegExp][] = [
    ['exports/changes.doc', 404, /the formats csv, xlsx, jsonl, parquet/],
    ['exports/holders.csv', 404, /the lists are changes, history/],
    ['exports/changes.csv?form=2024-01-01', 400, /no parameter "form"; there is object, from/],
    ['exports/changes.csv?from=2024-01-01', 400, /from cannot be read; give an instant with its zone/],
    ['exports/changes.csv?from=2025-01-01T00:00:00Z&to=2024-01-01T00:00:00Z', 400, /from is later than to/],
    ['exports/changes.csv?agent=a&agent=b', 400, /"agent" is given more than once/],
    ['exports/changes.csv?object=x', 400, /object cannot be read; give the id of an object/],
    ['exports/history.csv', 400, /object is missing/],
    ['exports/changes.csv?outOfBand=maybe', 400, /true or false/],
    [`exports/changes.csv?value=${'x'.repeat(10_001)}`, 400, /at most 10,000 characters/],
  ];
  for (const [path, status, words] of wrong) {
    const response = await ask(path);
    assert.equal(response.status, status, path);
    assert.match(await response.text(), words, path);
  }
});

test('a manifest is told to nobody but whoever asked for the export', async () => {
  const auditor = await tokenOf(['auditor'], 'siem');
  const response = await ask('exports/changes.jsonl?agent=hr', auditor);
  await response.text();
  const id = response.headers.get('x-metatrail-export');
  assert.equal((await manifestOf(id, auditor)).asked_by, 'token siem');
  assert.equal((await ask(`exports/${id}/manifest.json`)).status, 404);
});

test('a manager who is nobody in the metaverse gets no export', async () => {
  const response = await ask('exports/changes.csv', await tokenOf(['manager'], 'boss'));
  assert.equal(response.status, 403);
  assert.doesNotMatch(await response.text(), /Müller/);
});

test('no byte leaves before the log has accepted that it was asked for, and no last one before it knows the end', async () => {
  const { journal } = world.installation.log;
  const { acceptFirst } = journal;
  const held: (() => void)[] = [];
  journal.acceptFirst = async (build) => {
    await new Promise<void>((resolve) => held.push(resolve));
    return acceptFirst.call(journal, build);
  };
  let text = '';
  let isOver = false;
  const asked = ask('exports/changes.csv?agent=hr').then(async ({ body }) => {
    assert.ok(body);
    for await (const chunk of body.pipeThrough(new TextDecoderStream())) text += chunk;
    isOver = true;
  });
  try {
    while (held.length < 1) await sleep(5);
    await sleep(200);
    assert.equal(text, '');
    held[0]?.();
    while (held.length < 2) await sleep(5);
    await sleep(200);
    assert.equal(isOver, false);
    assert.doesNotMatch(text, /Müller/, 'the only page is the last chunk');
  } finally {
    journal.acceptFirst = acceptFirst;
    for (const go of held) go();
  }
  await asked;
  assert.match(text, /'=Änne Müller/);
});

/** A download that is read by hand. */
async function begin(path: string): Promise<IncomingMessage> {
  const sent = get(`${url}/${path}`, { headers: bearer() });
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return response;
}

async function readToEnd(response: IncomingMessage): Promise<{ text: string; isWhole: boolean }> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response) chunks.push(Buffer.from(chunk));
    return { text: Buffer.concat(chunks).toString('latin1'), isWhole: response.complete };
  } catch {
    return { text: Buffer.concat(chunks).toString('latin1'), isWhole: false };
  }
}

/** ClickHouse fails once it has been asked so often. */
function failAfter(calls: number): () => void {
  const { clickhouse } = world.installation.log;
  const { select } = clickhouse;
  let left = calls;
  clickhouse.select = (...question) => {
    left -= 1;
    return left < 0 ? Promise.reject(new Error('the disk is gone')) : select(...question);
  };
  return () => {
    clickhouse.select = select;
  };
}

test('an export that breaks off in the middle is cut on the wire, is no file of its format, and its end says so', async () => {
  for (const format of ['csv', 'jsonl', 'xlsx', 'parquet']) {
    const count = exportReads().length;
    const repair = failAfter(9);
    const response = await begin(`exports/changes.${format}?agent=bulk`);
    const id = String(response.headers['x-metatrail-export']);
    const { text, isWhole } = await readToEnd(response);
    repair();
    assert.equal(isWhole, false, format);
    if (format === 'csv') assert.throws(() => parse(text, { relax_column_count: true }), /Quote Not Closed/);
    if (format === 'jsonl') assert.throws(() => JSON.parse(text.split('\n').at(-1) ?? ''), SyntaxError);
    if (format === 'xlsx') assert.equal(text.includes('PK\x05\x06'), false, 'no directory of the archive');
    if (format === 'parquet') assert.notEqual(text.slice(-4), 'PAR1');
    const reads = await readsSince(count, 2);
    assert.deepEqual(
      reads.map(({ question, outcome, error }) => [question, outcome, error]),
      [
        ['export', 'answered', undefined],
        ['exportEnd', 'failed', 'cut-off'],
      ],
    );
    const manifest = await manifestOf(id);
    assert.equal(manifest.complete, false);
    assert.match(manifest.cut_off ?? '', /failed to answer/);
    assert.deepEqual([manifest.file.sha256, manifest.file.bytes], [undefined, undefined]);
  }
});

test('a client that goes away ends its export, and the place that it had is free again', async () => {
  for (let round = 0; round < 3; round++) {
    const count = exportReads().length;
    const response = await begin('exports/changes.jsonl?agent=bulk');
    await once(response, 'readable');
    response.destroy();
    const [, ended] = await readsSince(count, 2);
    assert.deepEqual([ended?.question, ended?.outcome], ['exportEnd', 'failed']);
    const manifest = await manifestOf(String(response.headers['x-metatrail-export']));
    assert.deepEqual([manifest.complete, manifest.cut_off], [false, 'Whoever asked was gone before the end.']);
  }
});

test('who reads nothing makes the log be read no further than some pages ahead, and a third export of one person waits', async () => {
  const { clickhouse } = world.installation.log;
  const { select } = clickhouse;
  let calls = 0;
  clickhouse.select = (...question) => {
    calls += 1;
    return select(...question);
  };
  const path = 'exports/changes.jsonl?agent=bulk';
  try {
    const slow = await begin(path);
    slow.pause();
    let before = -1;
    for (let round = 0; calls !== before && round < 40; round++) {
      before = calls;
      await sleep(300);
    }
    const ahead = calls;
    const other = await begin(path);
    other.pause();
    const third = await ask(path);
    assert.deepEqual([third.status, third.headers.get('retry-after')], [429, '60']);
    assert.match(await third.text(), /You have 2 exports under way/);
    other.destroy();
    const { isWhole } = await readToEnd(slow);
    assert.ok(isWhole);
    assert.ok(calls > ahead, `${ahead} statements before anything was read, ${calls} for all of it`);
  } finally {
    clickhouse.select = select;
  }
});
