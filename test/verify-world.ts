// What the tests of the verifier share: an honest log made by the real journal and shipper, checkpoints signed by a signer of
// the tests' own, and attackers that alter what an installation keeps.
import { createHash, createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openClickHouse } from '../ingest/clickhouse/connect.ts';
import type { ProposedEvent } from '../ingest/event.ts';
import { openChangeLog } from '../ingest/log.ts';
import { rootOfLeaves } from '../ingest/merkle/tree.ts';
import { Findings } from '../ingest/verify/findings.ts';
import { LiveLog } from '../ingest/verify/live-log.ts';
import type { Report } from '../ingest/verify/report.ts';
import type { Row } from '../ingest/verify/row.ts';
import { type Options, verifyLog } from '../ingest/verify/verify-log.ts';
import { makeEvent, makeId } from './ingest-world.ts';

/** What stands before an Ed25519 key in PKCS #8 (RFC 8410). */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** A signer of checkpoints, written from the C2SP texts. */
export class TestSigner {
  readonly name: string;
  readonly vkey: string;
  readonly #key: KeyObject;
  readonly #id: Buffer;

  /** `seed`: the 32 bytes of an Ed25519 key; a new one when it is not given. */
  constructor(name: string, seed = randomBytes(32)) {
    this.#key = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
    const spki = createPublicKey(this.#key).export({ format: 'der', type: 'spki' });
    const typed = Buffer.concat([Buffer.of(1), spki.subarray(-32)]);
    this.name = name;
    this.#id = createHash('sha256').update(`${name}\n`).update(typed).digest().subarray(0, 4);
    this.vkey = `${name}+${this.#id.toString('hex')}+${typed.toString('base64')}`;
  }

  /** Somebody who holds the key of a data folder. */
  static of(folder: string): TestSigner {
    const text = readFileSync(path.join(folder, 'checkpoint-key'), 'utf8').trim();
    const [, name = '', , encoded = ''] = /^PRIVATE\+KEY\+([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(text) ?? [];
    return new TestSigner(name, Buffer.from(encoded, 'base64').subarray(1));
  }

  /** The note of a checkpoint; `signer` is the name on the signature line. */
  sign(size: number, root: Uint8Array, origin = this.name): string {
    const body = `${origin}\n${size}\n${Buffer.from(root).toString('base64')}\n`;
    return `${body}\n${this.signatureOf(body)}`;
  }

  signatureOf(body: string): string {
    const signature = Buffer.concat([this.#id, sign(null, Buffer.from(body), this.#key)]);
    return `— ${this.name} ${signature.toString('base64')}\n`;
  }
}

/** The SQLite file of a data folder in which no service runs. */
export function openSqlite(folder: string): DatabaseSync {
  return new DatabaseSync(path.join(folder, 'metatrail.sqlite'));
}

export function withSqlite<T>(folder: string, work: (database: DatabaseSync) => T): T {
  const database = openSqlite(folder);
  try {
    return work(database);
  } finally {
    database.close();
  }
}

/** Runs statements in the embedded ClickHouse of a data folder, as somebody who has the files could. */
export async function tamper(folder: string, ...statements: string[]): Promise<void> {
  const clickhouse = openClickHouse({ folder });
  try {
    for (const statement of statements) await clickhouse.command(`${statement} SETTINGS mutations_sync = 2`);
  } finally {
    await clickhouse.close();
  }
}

/** An event of a person in the HR system, by one of some clerks. */
export function eventOf(
  person: number,
  clerk: number,
  event: Pick<ProposedEvent, 'causes' | 'root' | 'values'>,
): ProposedEvent {
  return makeEvent({
    object: makeId(person),
    objectName: `Person ${person}`,
    objectType: 'person',
    agent: 'hr',
    anchor: `A${person}`,
    initiator: `clerk-${clerk}`,
    performer: 'metatrail',
    ...event,
  });
}

/** Grants, references and plain values of a few persons, each event caused by the one before. */
export function makeEvents(base: number, count: number): ProposedEvent[] {
  return Array.from({ length: count }, (_, i) => {
    const sequence = base + i;
    const person = 1 + (sequence % 7);
    const reference = makeId(person + 1);
    return eventOf(person, sequence % 3, {
      causes: i > 0 ? [sequence - 1] : [],
      values: [
        { attribute: 'role', type: 'string', operation: 'add', new: `role ${sequence}`, marks: 1 },
        { attribute: 'room', type: 'string', operation: 'replace', old: 'A', new: `B${sequence}`, marks: 2 },
        { attribute: 'manager', type: 'reference', operation: 'add', new: 'p', reference, marks: 0 },
      ],
    });
  });
}

export interface TestLog {
  folder: string;
  signer: TestSigner;
  log: string;
  size: number;
}

export interface MadeLog {
  /** Batches of events, each built on the sequence of its first event. */
  batches?: ((base: number) => ProposedEvent[])[];
  /** Sizes to sign checkpoints at; the size of the log is always among them. */
  checkpoints?: number[];
}

/** A log in an empty folder, delivered, closed and with signed checkpoints. */
export async function makeLog(
  folder: string,
  { batches = [(base) => makeEvents(base, 700)], checkpoints = [300, 600] }: MadeLog = {},
): Promise<TestLog> {
  const log = await openChangeLog({ folder });
  for (const build of batches) await log.journal.accept((base) => ({ events: build(base), state: [] }));
  const { size } = log.journal;
  await log.shipper.delivered(size);
  const origin = log.journal.log;
  await log.close();
  const signer = TestSigner.of(folder);
  signCheckpoints(folder, signer, [...checkpoints, size]);
  return { folder, signer, log: origin, size };
}

/** Puts signed checkpoints of these sizes into a data folder, over the leaves that its journal holds. */
export function signCheckpoints(folder: string, signer: TestSigner, sizes: readonly number[]): void {
  withSqlite(folder, (database) => {
    const leaves = database
      .prepare('SELECT leaf FROM journal ORDER BY sequence')
      .all()
      .map(({ leaf }) => leaf as Uint8Array);
    database.exec('DELETE FROM checkpoint_keys; DELETE FROM checkpoints');
    database.prepare('INSERT INTO checkpoint_keys (from_size, vkey) VALUES (0, ?)').run(signer.vkey);
    for (const size of sizes) {
      const note = signer.sign(size, rootOfLeaves(leaves.slice(0, size)));
      database.prepare('INSERT OR REPLACE INTO checkpoints (size, note) VALUES (?, ?)').run(size, note);
    }
  });
}

/** Checks a data folder in which no service runs. */
export async function check(folder: string, options: Options = {}): Promise<Report> {
  const source = await LiveLog.open({ folder });
  try {
    return await verifyLog(source, { seed: 'test', ...options });
  } finally {
    await source.close();
  }
}

/** Rows of a log in ClickHouse, as the sample of a check reads them. */
export async function readRows(source: LiveLog, sequences: readonly number[]): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const { again } of source.chunks(new Findings(), sequences)) rows.push(...again);
  return rows;
}

/** The faults in short: kind and first sequence. */
export function faultsOf(report: Report): [string, number | undefined][] {
  return report.faults.map(({ kind, first }) => [kind, first]);
}
