// Retention as it is asked for: what has expired goes, while no run is going on.
import { findInForce } from '../engine/in-force.ts';
import { carryState } from '../engine/replay/carried-state.ts';
import { type Micros, systemClock } from '../ingest/clock.ts';
import { LogError } from '../ingest/errors.ts';
import { subtractDuration } from '../ingest/retention/duration.ts';
import {
  type ExpiryPlan,
  type ExpirySources,
  expire,
  type OnExpiryStep,
  planExpiry,
} from '../ingest/retention/expire.ts';
import { listHolds } from '../ingest/retention/holds.ts';
import type { ErasingSources } from './erasing.ts';

export interface RetentionPlan extends ExpiryPlan {
  /** Events accepted before it expire; undefined: none ever do. */
  eventsBefore: Micros | undefined;
  readsBefore: Micros | undefined;
  /** Questions whose texts are erased. */
  reads: number;
}

/** Nothing is done. Throws LogError. */
export function previewRetention(sources: ErasingSources, now = systemClock()): Promise<RetentionPlan> {
  return sources.engine.exclusively(() => plan(sources, now));
}

/** Throws LogError; what was done stays done, and all of it may be done again. */
export function applyRetention(
  sources: ErasingSources,
  reason: { who: string; by: string },
  now = systemClock(),
  onStep?: OnExpiryStep,
): Promise<RetentionPlan> {
  const { log, engine } = sources;
  return engine.exclusively(async () => {
    const planned = await plan(sources, now);
    if (planned.readsBefore !== undefined && planned.reads > 0)
      await log.eraser.eraseReads(planned.readsBefore, { ...reason, why: 'retention of reads' });
    // What ClickHouse still has of somebody erased would be carried forward, under the names of the living.
    await log.eraser.settle();
    const carried = {
      inForce: findInForce(log.journal),
      state: carryState(log.journal, engine.configuration),
    };
    await expire(expirySources(sources), planned, carried, reason, onStep);
    return planned;
  });
}

async function plan(sources: ErasingSources, now: Micros): Promise<RetentionPlan> {
  const { log, engine } = sources;
  const { events, reads } = engine.configuration.retention;
  if (events === undefined && reads === undefined)
    throw new LogError('retention-unset', 'The configuration says nothing of retention: everything is kept for good.');
  const eventsBefore = events === undefined ? undefined : subtractDuration(now, events);
  const readsBefore = reads === undefined ? undefined : subtractDuration(now, reads);
  await log.shipper.deliveredSoon(log.journal.size);
  const expiry: ExpiryPlan =
    eventsBefore === undefined
      ? { partitions: [], baselines: 0, remains: [], holds: [] }
      : await planExpiry(expirySources(sources), eventsBefore, findInForce(log.journal));
  const [hold] = listHolds(log.journal);
  const isHeld = hold !== undefined && readsBefore !== undefined;
  const found = readsBefore === undefined || isHeld ? undefined : await log.eraser.findReads(readsBefore);
  const remains = isHeld
    ? [...expiry.remains, `Questions stay: the legal hold ${hold.event} is in force.`]
    : expiry.remains;
  return {
    ...expiry,
    remains,
    eventsBefore,
    readsBefore: isHeld ? undefined : readsBefore,
    reads: found?.keys.length ?? 0,
  };
}

function expirySources({ log }: ErasingSources): ExpirySources {
  const { journal, clickhouse, shipper, checkpoints } = log;
  return { journal, clickhouse, shipper, sign: (text) => checkpoints.sign(text) };
}
