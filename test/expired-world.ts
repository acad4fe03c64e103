// A company of whose log two partitions expire: in them is all that is known of somebody who has left.
import type { TestContext } from 'node:test';
import { applyRetention } from '../api/retaining.ts';
import { type Expired, expiredOf } from '../ingest/retention/tombstones.ts';
import { ANN, BOB, CID, CONFIGURATION, ErasureWorld } from './erasure-world.ts';

const PARTITION = 256;
const DAY = 86_400_000_000;
const WHO = { who: 'records office', by: 'administrator' };
const RETAINED = `${CONFIGURATION}retention: { events: 1 year, partition_events: ${PARTITION} }\n`;

/** The first event that does not expire. */
export const BELOW = 2 * PARTITION;

/** Ann leaves in the first month; of Bob and Cid there are changes to the end. Nothing has expired yet. */
export async function openOldLog(t: TestContext): Promise<ErasureWorld> {
  const world = await ErasureWorld.open(t, RETAINED);
  await world.employ(ANN, { ...BOB, manager: '' }, CID);
  for (let month = 1; world.installation.log.journal.size < BELOW + 40; month++)
    await world.employ({ ...BOB, manager: '', department: `Department ${month}` }, CID);
  return world;
}

/** Two years later. */
export async function letExpire({ installation }: ErasureWorld): Promise<Expired> {
  await applyRetention(installation, WHO, Date.now() * 1000 + 2 * 365 * DAY);
  await installation.catchUp();
  return expiredOf(installation.log.journal) ?? { below: 0, until: 0 };
}
