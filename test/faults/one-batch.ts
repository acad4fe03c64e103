// The whole way of one batch: accepted, shipped, signed for, trimmed behind. Everything that may go wrong on it is tried again
// until it is through, as the service does it; where the process ended, the next one goes on from here.
import { setTimeout as sleep } from 'node:timers/promises';
import { Checkpoints } from '../../ingest/checkpoints/checkpoints.ts';
import { type ClickHouse, type ClickHouseTarget, openClickHouse } from '../../ingest/clickhouse/connect.ts';
import { Shipper } from '../../ingest/clickhouse/shipper.ts';
import { Trimmer } from '../../ingest/clickhouse/trimmer.ts';
import { LogError } from '../../ingest/errors.ts';
import type { ProposedEvent } from '../../ingest/event.ts';
import { Journal } from '../../ingest/journal/journal.ts';
import { type ChangeLog, openChangeLog } from '../../ingest/log.ts';
import { makeBatch, makeEvent, makeId } from '../ingest-world.ts';
import type { Step } from './fault.ts';

/** So many events were delivered before the batch, so that it fills the second tile of the Merkle tree. */
export const BEFORE = 510;
export const BATCH = 4;
/** The first tile is trimmed when the batch is delivered and signed for: there is no checkpoint before. */
export const TRIMMED = 256;
/** In its order; the shipper's comparison is a few questions, and only a server is told of an insert before it. */
export const STEPS_OF_BATCH: readonly Step[] = [
  'begin',
  'write key',
  'write journal row',
  'write tile',
  'write state index',
  'write state',
  'commit',
  'answer',
  'compare',
  'announce',
  'insert',
  'complete views',
  'remember',
  'sign',
  'trim',
];
const RULES = { keepDays: 0, keepRows: 0 };
const MOST_ATTEMPTS = 20;

/** A member that comes or goes: what the views over the log are fed with. */
export function grant(person: number, operation: 'add' | 'remove' = 'add'): ProposedEvent {
  const name = operation === 'add' ? { new: `p${person}` } : { old: `p${person}` };
  return makeEvent({
    object: makeId(9000 + (person % 7)),
    objectName: `group ${person % 7}`,
    agent: 'ldap',
    initiator: `initiator ${person % 5}`,
    values: [
      { attribute: 'member', type: 'reference', operation, ...name, reference: makeId(person), marks: 1 },
      { attribute: 'info', type: 'string', operation: 'add', new: `value ${person} Zoë`, marks: 2 },
    ],
  });
}

/** Fills a data folder, and ClickHouse, with what was there before the batch, all of it delivered, and the key of checkpoints. */
export async function makeBefore(target: ClickHouseTarget): Promise<void> {
  const journal = await Journal.open(target.folder);
  await (await Checkpoints.open(journal, undefined)).close();
  await journal.accept((base) => makeBatch(base, BEFORE - 200));
  await journal.accept(() => ({ events: Array.from({ length: 200 }, (_, i) => grant(i + 1)), state: [] }));
  const clickhouse = openClickHouse(target);
  await ship(journal, clickhouse, BEFORE);
  await clickhouse.close();
  await journal.close();
}

/** Takes the batch all its way, from wherever it is. `wrap` may put something between the shipper and ClickHouse. */
export async function goOn(target: ClickHouseTarget, wrap = (clickhouse: ClickHouse) => clickhouse): Promise<void> {
  const journal = await Journal.open(target.folder);
  await untilDone(() => acceptBatch(journal));
  const clickhouse = openClickHouse(target);
  const watched = wrap(clickhouse);
  await ship(journal, watched, BEFORE + BATCH);
  const checkpoints = await Checkpoints.open(journal, undefined);
  await untilDone(() => checkpoints.current());
  const shipper = { shipped: BEFORE + BATCH, halt: () => undefined };
  const checkpointed = () => Math.min(TRIMMED, checkpoints.newest()?.size ?? 0);
  await untilDone(() => new Trimmer({ journal, clickhouse: watched, shipper, checkpointed }, RULES).trimOnce());
  await checkpoints.close();
  await clickhouse.close();
  await journal.close();
}

/** As a service that goes on: what is missing of the way is done, and everything can be looked at while it is open. */
export async function goOnOpen(target: ClickHouseTarget, look: (log: ChangeLog) => Promise<void>): Promise<void> {
  const log = await openChangeLog(target);
  try {
    await acceptBatch(log.journal);
    await log.shipper.delivered(log.journal.size);
    const { size } = await log.checkpoints.current();
    await new Trimmer({ ...log, checkpointed: () => Math.min(TRIMMED, size) }, RULES).trimOnce();
    await look(log);
  } finally {
    await log.close();
  }
}

/** Once: a batch that was accepted before the process ended is in the state. */
export async function acceptBatch(journal: Journal): Promise<void> {
  if (journal.state.get('batch', 'of the test') !== undefined) return;
  const people = [201, 202, 203, 204];
  await journal.accept((base) => ({
    events: people.map((person) => grant(person, person === 204 ? 'remove' : 'add')),
    state: [{ kind: 'batch', key: 'of the test', value: { base }, indexed: { size: [String(BATCH)] } }],
  }));
}

async function ship(journal: Journal, clickhouse: ClickHouse, size: number): Promise<void> {
  const shipper = new Shipper(journal, clickhouse);
  await untilDone(() => shipper.prepare());
  shipper.start();
  await untilDone(() => shipper.delivered(size));
  await shipper.stop();
}

/** Again and again while it fails in a way that the log knows. */
async function untilDone(work: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await work();
      return;
    } catch (error) {
      if (!(error instanceof LogError) || attempt === MOST_ATTEMPTS) throw error;
      await sleep(10);
    }
  }
}
