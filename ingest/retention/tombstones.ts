// What is left of a partition that expired: a signed note of what it held. Its tiles stay, so that everything later proves
// as before.
import { PARTITION_EVENTS } from '../clickhouse/cluster.ts';
import { formatIso, type Micros, parseInstant } from '../clock.ts';
import type { Journal } from '../journal/journal.ts';

const FACT = 'partition-events';
const KIND = 'tombstone';

export interface Partition {
  /** Its first event. */
  first: number;
  size: number;
  /** When its last event was accepted. */
  until: Micros;
  /** The latest that something in it happened. */
  lastOccurred: Micros;
}

export interface Tombstone extends Partition {
  /** The note, signed by the key of the checkpoints. */
  note: string;
}

/** Events before `below` are gone. */
export interface Expired {
  below: number;
  /** The latest that something in them happened: questions about times up to it stand on what was carried forward. */
  until: Micros;
}

/** How many events a partition of this log holds, a complete subtree of the Merkle tree: a fact since its first start. */
export function partitionEvents(journal: Pick<Journal, 'fact'>): number {
  return Number(journal.fact(FACT) ?? PARTITION_EVENTS);
}

/** Fixes the size of partitions, a power of two and at least 256, where the log has not begun. Throws LogError. */
export async function fixPartitionEvents(journal: Journal, events: number): Promise<void> {
  if (journal.size > 0 || journal.fact(FACT) !== undefined) return;
  if (events < 256 || !Number.isInteger(Math.log2(events)))
    throw new RangeError(`A partition of ${events} events is no complete subtree; a power of two from 256 on is.`);
  await journal.setFact(FACT, String(events));
}

/** In order, the first one first. */
export function listTombstones(journal: Journal): Tombstone[] {
  const found = journal.state.keys(KIND).map((key) => journal.state.get(KIND, key) as Tombstone);
  return found.sort((a, b) => a.first - b.first);
}

/** The text that is signed: a note may not have an empty line in it. */
export function tombstoneText(log: string, { first, size, until, lastOccurred }: Partition, root: Uint8Array): string {
  return [
    log,
    'tombstone',
    `${first} ${size}`,
    Buffer.from(root).toString('base64'),
    `accepted until ${formatIso(until)}`,
    `happened until ${formatIso(lastOccurred)}`,
    '',
  ].join('\n');
}

/** Reads the note of a tombstone, whatever signatures it has. Undefined: it is none. */
export function readTombstone(note: string): Tombstone | undefined {
  const [, first, size, accepted = '', happened = ''] =
    /^.+\ntombstone\n(\d{1,15}) (\d{1,15})\n.+\naccepted until (.+)\nhappened until (.+)\n\n/.exec(note) ?? [];
  const [until, lastOccurred] = [parseInstant(accepted), parseInstant(happened)];
  if (until === undefined || lastOccurred === undefined) return undefined;
  return { first: Number(first), size: Number(size), until, lastOccurred, note };
}

/** What the journal's state keeps of it. */
export function tombstoneChange(tombstone: Tombstone): { kind: string; key: string; value: Tombstone } {
  return { kind: KIND, key: String(tombstone.first).padStart(16, '0'), value: tombstone };
}

/** Undefined: nothing has expired. */
export function expiredOf(journal: Journal): Expired | undefined {
  const tombstones = listTombstones(journal);
  const last = tombstones.at(-1);
  if (!last) return undefined;
  return { below: last.first + last.size, until: Math.max(...tombstones.map(({ lastOccurred }) => lastOccurred)) };
}
