// Expiry of the oldest partitions: what still holds is carried forward, a signed tombstone and an event are accepted, then
// the rows go from ClickHouse and from the journal, and the keys that nothing is under any more. Tiles stay. Each step can
// be done again, and is, after a service that died in the middle of them.
import { z } from 'zod';
import { VIEWS } from '../clickhouse/comparison.ts';
import type { ClickHouse } from '../clickhouse/connect.ts';
import { atEachOwner } from '../clickhouse/owners.ts';
import type { Shipper } from '../clickhouse/shipper.ts';
import { formatMicros, type Micros, parseInstant, systemClock } from '../clock.ts';
import { ErasureReader } from '../erasure/journal-reader.ts';
import { readSamePerson } from '../erasure/keyed-rows.ts';
import { waitForMutations } from '../erasure/settle.ts';
import { LogError } from '../errors.ts';
import type { EventValue, ProposedEvent } from '../event.ts';
import type { Journal } from '../journal/journal.ts';
import { perfectRoot, TILE_WIDTH } from '../merkle/tree.ts';
import { type CarriedForward, type InForce, makeBaselines } from './baseline.ts';
import { listHolds } from './holds.ts';
import {
  expiredOf,
  listTombstones,
  type Partition,
  partitionEvents,
  type Tombstone,
  tombstoneChange,
  tombstoneText,
} from './tombstones.ts';

export interface ExpiryPlan {
  /** Partitions to go, the first one first. */
  partitions: Partition[];
  /** The events of them that are carried forward. */
  baselines: number;
  /** Sentences on what does not go, and why. */
  remains: string[];
  /** The legal holds that were looked at. */
  holds: number[];
}

export interface ExpirySources {
  journal: Journal;
  clickhouse: ClickHouse;
  shipper: Shipper;
  /** Signs a note with the key of the checkpoints. */
  sign: (text: string) => string;
}

/** A step of an expiry is over: for tests that end the process there. */
export type OnExpiryStep = (step: ExpiryStep) => void;
export type ExpiryStep = 'carried-forward' | 'accepted' | 'dropped' | 'derived' | 'keys-deleted';

/** Keys deleted in one transaction. */
const KEYS_AT_ONCE = 10_000;
const SCAN = { timeLimit: 1800 };

const partitionRow = z.object({ events: z.number(), until: z.string(), last_occurred: z.string() });

/** What is older than `before` and may go. Whole partitions only, from the beginning of the log on. */
export async function planExpiry(sources: ExpirySources, before: Micros, inForce: InForce): Promise<ExpiryPlan> {
  const { journal, clickhouse, shipper } = sources;
  const size = partitionEvents(journal);
  const partitions: ExpiryPlan['partitions'] = [];
  const remains: string[] = [];
  const held = await readHeld(sources);
  let first = expiredOf(journal)?.below ?? 0;
  for (; first + size <= shipper.shipped; first += size) {
    const [row] = await clickhouse.select(
      `SELECT count() AS events, max(recorded_at) AS until, max(occurred_at) AS last_occurred FROM events
       WHERE sequence >= {first:UInt64} AND sequence < {next:UInt64}`,
      { first, next: first + size },
      partitionRow,
      SCAN,
    );
    if (row?.events !== size)
      throw new LogError(
        'clickhouse-different',
        `ClickHouse holds ${row?.events ?? 0} of the ${size} events from ${first} on.`,
      );
    const until = parseInstant(row.until) ?? 0;
    if (until >= before) break;
    const reason = await findHold(clickhouse, held, first, first + size);
    if (reason !== undefined) {
      remains.push(`Events from ${first} on stay: ${reason}.`);
      break;
    }
    partitions.push({ first, size, until, lastOccurred: parseInstant(row.last_occurred) ?? 0 });
  }
  const last = partitions.at(-1);
  const below = last ? last.first + last.size : 0;
  const baselines = [...inForce.keys()].filter((sequence) => sequence < below).length;
  return { partitions, baselines, remains, holds: held.map(({ event }) => event) };
}

/** What a legal hold covers. */
interface Held {
  /** Of the hold. */
  event: number;
  /** All that the person was before and became later, when hired again, as an erasure takes them; undefined: everything. */
  objects: string[] | undefined;
}

async function readHeld({ journal, clickhouse, shipper }: ExpirySources): Promise<Held[]> {
  const held: Held[] = [];
  for (const { event, object } of listHolds(journal)) {
    const objects = object === undefined ? undefined : await readSamePerson(clickhouse, object, shipper.shipped);
    held.push({ event, objects });
  }
  return held;
}

/** The hold that keeps these events, in words. */
async function findHold(
  clickhouse: ClickHouse,
  held: readonly Held[],
  first: number,
  next: number,
): Promise<string | undefined> {
  for (const { event, objects } of held) {
    if (objects === undefined) return `the legal hold ${event} covers everything`;
    const [row] = await clickhouse.select(
      `SELECT count() AS events FROM events WHERE sequence >= {first:UInt64} AND sequence < {next:UInt64}
       AND (object IN {objects:Array(UUID)} OR hasAny(value.reference, {objects:Array(UUID)})
         OR entry IN (SELECT entry FROM events WHERE object IN {objects:Array(UUID)} AND entry != toUUID('00000000-0000-0000-0000-000000000000')))`,
      { first, next, objects },
      z.object({ events: z.number() }),
      SCAN,
    );
    if (row && row.events > 0) return `${row.events} of them are about the person whom the legal hold ${event} covers`;
  }
  return undefined;
}

/** Lets the partitions of the plan go. Nothing else may be accepted for the engine meanwhile. Throws LogError. */
export async function expire(
  sources: ExpirySources,
  plan: ExpiryPlan,
  { inForce, state }: CarriedForward,
  reason: { who: string; by: string },
  onStep: OnExpiryStep = () => undefined,
): Promise<Tombstone[]> {
  const { journal, clickhouse, shipper, sign } = sources;
  const last = plan.partitions.at(-1);
  if (!last) return [];
  for await (const events of makeBaselines(clickhouse, inForce, last.first + last.size))
    await journal.accept(() => ({ events, state: [] }));
  for (const events of state) await journal.accept(() => ({ events, state: [] }));
  await shipper.delivered(journal.size);
  onStep('carried-forward');
  const reader = new ErasureReader(journal.folder);
  const tombstones = plan.partitions.map((partition) => {
    const root = subtreeRoot(reader, partition.first, partition.size);
    return { ...partition, note: sign(tombstoneText(journal.log, partition, root)) };
  });
  reader.close();
  await journal.accept(() => {
    refuseNewHold(journal, plan);
    return {
      events: tombstones.map((tombstone) => expiryEvent(tombstone, reason)),
      state: tombstones.map(tombstoneChange),
    };
  });
  onStep('accepted');
  await finishExpiry(sources, onStep);
  return tombstones;
}

/** What a hold covers that began after the plan was made was not looked at. Throws LogError. */
function refuseNewHold(journal: Journal, { holds }: ExpiryPlan): void {
  const hold = listHolds(journal).find(({ event }) => !holds.includes(event));
  if (hold) throw new LogError('retention-outdated', `The legal hold ${hold.event} began while this was prepared.`);
}

/** Whether an expiry was accepted that is not at its end. Throws LogError. */
export async function isExpiryUnfinished({ journal, clickhouse }: Omit<ExpirySources, 'sign'>): Promise<boolean> {
  const expired = expiredOf(journal);
  if (!expired) return false;
  if (journal.firstRow < expired.below) return true;
  const [left] = await clickhouse.select(
    'SELECT count() AS events FROM events WHERE sequence < {below:UInt64}',
    { below: expired.below },
    z.object({ events: z.number() }),
    SCAN,
  );
  return left !== undefined && left.events > 0;
}

/** The service looks whether an expiry is unfinished while somebody may let more go: one after the other. */
const finishing = new WeakMap<Journal, Promise<void>>();

/** What an expiry that was accepted leaves to be done; nothing when it is done. Throws LogError. */
export function finishExpiry(
  sources: Omit<ExpirySources, 'sign'>,
  onStep: OnExpiryStep = () => undefined,
): Promise<void> {
  const before = finishing.get(sources.journal)?.catch(() => undefined) ?? Promise.resolve();
  const finished = before.then(() => finishOnce(sources, onStep));
  finishing.set(sources.journal, finished);
  return finished;
}

async function finishOnce(
  { journal, clickhouse, shipper }: Omit<ExpirySources, 'sign'>,
  onStep: OnExpiryStep,
): Promise<void> {
  const expired = expiredOf(journal);
  if (!expired) return;
  await shipper.delivered(journal.size);
  await atEachOwner(clickhouse, async (owner) => {
    for (const { first, size } of listTombstones(journal))
      await owner.command(`ALTER TABLE events DROP PARTITION ${first / size}`);
    onStep('dropped');
    for (const { target } of VIEWS) {
      await owner.command(`ALTER TABLE ${target} DELETE WHERE sequence < {below:UInt64}`, { below: expired.below });
      await waitForMutations(owner, target);
    }
  });
  onStep('derived');
  await deleteUnusedKeys(journal, clickhouse, shipper);
  onStep('keys-deleted');
  // Last: that the journal still has them says that this is not at its end.
  await journal.trim(expired.below);
}

/** Keys that no event is under any more. */
async function deleteUnusedKeys(journal: Journal, clickhouse: ClickHouse, shipper: Shipper): Promise<void> {
  const planned = journal.size;
  const reader = new ErasureReader(journal.folder);
  try {
    const numbers = [...reader.keysBeginning('')].map(({ number }) => number);
    await shipper.delivered(planned);
    const used = await clickhouse.select(
      'SELECT DISTINCT arrayJoin(arrayConcat([subject_key, actor_key], value.key)) AS number FROM events WHERE sequence < {planned:UInt64}',
      { planned },
      z.object({ number: z.number() }),
      SCAN,
    );
    const kept = new Set(used.map(({ number }) => number));
    const unused = numbers.filter((number) => !kept.has(number));
    for (let from = 0; from < unused.length; from += KEYS_AT_ONCE) {
      const keys = unused.slice(from, from + KEYS_AT_ONCE);
      await journal.accept(() => ({
        events: [keysEvent(keys.length)],
        state: [],
        erase: { keys, events: [], planned },
      }));
    }
  } finally {
    reader.close();
  }
}

/** A partition is a complete subtree: its root follows from the tiles of the highest level that it fills. */
function subtreeRoot(reader: ErasureReader, first: number, size: number): Uint8Array {
  let level = 0;
  let covered = TILE_WIDTH;
  for (; covered * TILE_WIDTH <= size; level++) covered *= TILE_WIDTH;
  const tiles = Array.from({ length: size / covered }, (_, i) => reader.tileRoot(level, first / covered + i));
  return perfectRoot(tiles);
}

function expiryEvent({ first, size, until, note }: Tombstone, { who, by }: { who: string; by: string }): ProposedEvent {
  const value = (attribute: string, type: EventValue['type'], text: string | number): EventValue => ({
    attribute,
    type,
    operation: 'add',
    new: String(text),
    marks: 0,
  });
  return {
    ...retentionEvent('partition-expired', [
      value('first', 'integer', first),
      value('size', 'integer', size),
      value('accepted-until', 'time', formatMicros(until)),
      value('tombstone', 'string', note),
    ]),
    initiator: who,
    initiatorKnown: 'reported',
    performer: by,
  };
}

function keysEvent(keys: number): ProposedEvent {
  const value: EventValue = { attribute: 'keys', type: 'integer', operation: 'remove', old: String(keys), marks: 0 };
  return { ...retentionEvent('keys-expired', [value]), initiatorKnown: 'unknown', performer: 'metatrail' };
}

function retentionEvent(outcome: string, values: EventValue[]): Omit<ProposedEvent, 'initiatorKnown'> {
  return {
    occurredAt: systemClock(),
    occurredAtKnown: 'observed',
    stage: 'retention',
    operation: 'delete',
    outcome,
    values,
    causes: [],
    outOfBand: false,
  };
}
