// The part of an erasure that the writer does: in the transaction that accepts the erasure event, the journal's rows are
// emptied, what ClickHouse has yet to be told is kept, and the keys go.
import type { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { eraseRow, type RowCommitments } from '../erasure/erased-row.ts';
import { LogError } from '../errors.ts';

/** An event of which some columns are emptied, with what stands for them from now on. */
export interface ErasedEvent extends RowCommitments {
  sequence: number;
}

/** What an accepted batch takes away. */
export interface KeyErasure {
  /** The numbers of the keys that go. */
  keys: readonly number[];
  events: readonly ErasedEvent[];
  /** One past the last event that was looked at; if a later one is under these keys, the batch is refused. */
  planned: number;
}

export type ErasureWork =
  /** ClickHouse agrees with these rows, up to this version of them. */
  | { kind: 'settled'; version: number }
  /** Rows in this range were sent to ClickHouse again, or found there as they were before. */
  | { kind: 'unsettled'; from: number; to: number }
  /** What was written over is written back into the file, and the write-ahead log is cut to nothing. */
  | { kind: 'checkpoint' }
  /** The file is written anew without its free pages; a checkpoint has to follow, for they are in the write-ahead log first. */
  | { kind: 'vacuum' };

const keysOfRow = z.object({
  subject_key: z.number().default(0),
  actor_key: z.number().default(0),
  'value.key': z.array(z.number()).default([]),
});

/** Inside the transaction of `event`, the erasure event. Throws LogError erasure-outdated. */
export function eraseKeys(
  database: DatabaseSync,
  erasure: KeyErasure,
  { event, acceptedAt }: { event: number; acceptedAt: number },
): void {
  refuseOutdated(database, erasure, event);
  // What is deleted or written over from here on is zeroed in the file.
  database.exec('PRAGMA secure_delete = ON');
  try {
    eraseEvents(database, erasure.events, event);
    const remove = database.prepare('DELETE FROM keys WHERE number = ?');
    for (const number of erasure.keys) remove.run(number);
    database
      .prepare('INSERT INTO erasures (event, accepted_at, keys) VALUES (?, ?, ?)')
      .run(event, acceptedAt, JSON.stringify(erasure.keys));
  } finally {
    database.exec('PRAGMA secure_delete = OFF');
  }
}

function refuseOutdated(database: DatabaseSync, { keys, planned }: KeyErasure, event: number): void {
  const outdated = (what: string) => new LogError('erasure-outdated', what, { retryable: true });
  const exists = database.prepare('SELECT 1 FROM keys WHERE number = ?');
  for (const number of keys) if (!exists.get(number)) throw outdated(`The key ${number} is gone already.`);
  const gone = new Set(keys);
  const later = database.prepare('SELECT sequence, row FROM journal WHERE sequence >= ? AND sequence < ?');
  for (const { sequence, row } of later.iterate(planned, event)) {
    const named = keysOfRow.parse(JSON.parse(String(row)));
    if ([named.subject_key, named.actor_key, ...named['value.key']].some((number) => gone.has(number)))
      throw outdated(`Event ${sequence} was accepted meanwhile, and it is about the same person.`);
  }
}

/** An event may be erased twice: first its subject, later whoever caused it. */
function eraseEvents(database: DatabaseSync, events: readonly ErasedEvent[], event: number): void {
  const read = database.prepare('SELECT row FROM journal WHERE sequence = ?');
  const write = database.prepare('UPDATE journal SET row = ? WHERE sequence = ?');
  const before = database.prepare('SELECT object, actor, plain, refs FROM erased_events WHERE sequence = ?');
  const put = database.prepare(
    `INSERT OR REPLACE INTO erased_events (sequence, erasure, object, actor, plain, refs, version, settled)
     VALUES (?, ?, ?, ?, ?, ?, ?, 0)`,
  );
  const version = nextVersion(database);
  for (const erased of events) {
    const known = before.get(erased.sequence);
    const merged = known ? merge(readErased(erased.sequence, known), erased) : erased;
    put.run(erased.sequence, event, merged.object, merged.actor, merged.values, merged.references.join(','), version);
    const row = read.get(erased.sequence)?.row;
    if (typeof row === 'string') write.run(JSON.stringify(eraseRow(JSON.parse(row), erased)), erased.sequence);
  }
}

function nextVersion(database: DatabaseSync): number {
  return Number(database.prepare('SELECT coalesce(max(version), 0) + 1 AS next FROM erased_events').get()?.next);
}

function merge(known: ErasedEvent, now: ErasedEvent): ErasedEvent {
  return {
    sequence: now.sequence,
    object: now.object || known.object,
    actor: now.actor || known.actor,
    values: now.values || known.values,
    references: now.references.map((reference, index) => reference || (known.references[index] ?? '')),
  };
}

/** A row of `erased_events` as it is meant. */
export function readErased(sequence: number, row: Record<string, unknown>): ErasedEvent {
  const { object, actor, plain, refs } = row;
  const text = String(refs);
  return {
    sequence,
    object: String(object),
    actor: String(actor),
    values: String(plain),
    references: text === '' ? [] : text.split(','),
  };
}

/** Marks what is settled, or cleans the file. Outside of any transaction. */
export function workOnErasure(database: DatabaseSync, work: ErasureWork): void {
  switch (work.kind) {
    case 'settled':
      database.prepare('UPDATE erased_events SET settled = 1 WHERE settled = 0 AND version <= ?').run(work.version);
      return;
    case 'unsettled':
      database
        .prepare('UPDATE erased_events SET settled = 0, version = ? WHERE sequence >= ? AND sequence < ?')
        .run(nextVersion(database), work.from, work.to);
      return;
    case 'vacuum':
      // The copy that SQLite makes is other people's keys: it stays in memory.
      database.exec('PRAGMA temp_store = MEMORY; VACUUM');
      return;
    case 'checkpoint':
      takeUpLog(database);
  }
}

const checkpointSchema = z.object({ busy: z.number() });

/** SQLite answers that somebody is reading, and throws nothing: the file then keeps the pages that this reader may ask for. */
function takeUpLog(database: DatabaseSync): void {
  const { busy } = checkpointSchema.parse(database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get());
  if (busy !== 0)
    throw new LogError(
      'certificate-refused',
      'The file metatrail.sqlite keeps its old pages for somebody who reads it in one long transaction, such as a backup, a replay or a program that looks into it: let that end first.',
    );
}

/** Two questions of a page are over by then, and so is a short backup; for longer nobody waits. */
const READER_PATIENCE_MS = 5_000;
const READER_PAUSE_MS = 250;

/** Does this again while somebody reads the file, with pauses, in which events are accepted. Throws LogError certificate-refused. */
export async function awaitReaders(work: () => Promise<unknown>): Promise<void> {
  for (let waited = 0; ; waited += READER_PAUSE_MS) {
    try {
      await work();
      return;
    } catch (error) {
      const isRead = error instanceof LogError && error.code === 'certificate-refused';
      if (!isRead || waited >= READER_PATIENCE_MS) throw error;
    }
    await sleep(READER_PAUSE_MS);
  }
}
