// The machine's clock was set back: sequence order holds, and an event says that times do not follow it here.
import type { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { formatIso, type Micros, parseInstant } from '../clock.ts';
import type { ProposedEvent } from '../event.ts';

/** Time services correct a clock by less than this, and nobody has to be told. */
const TOLERANCE: Micros = 1_000_000;

const OUTCOME = 'clock-set-back';

/**
 * The event to accept first, when the highest time is so far not reached yet; else nothing. `highest`: of the events since the
 * last one that said so. Against the newest event alone a clock could go back for ever in small steps.
 */
export function noteClockSetBack(highest: Micros, now: Micros): ProposedEvent[] {
  if (highest - now < TOLERANCE) return [];
  return [
    {
      occurredAt: now,
      occurredAtKnown: 'observed',
      stage: 'configuration',
      operation: 'update',
      outcome: OUTCOME,
      values: [
        {
          attribute: 'clock',
          type: 'time',
          operation: 'replace',
          old: formatIso(highest),
          new: formatIso(now),
          marks: 0,
        },
      ],
      initiatorKnown: 'unknown',
      performer: 'metatrail',
      causes: [],
      outOfBand: false,
    },
  ];
}

const timeSchema = z.object({ recorded_at: z.string(), outcome: z.string() });

/**
 * The highest time of the events since the last one that said that the clock was set back, as the journal's rows below `size` have it.
 * Before an event that is earlier than that by the tolerance there is no higher one, so only those of the last second are looked at.
 */
export function readHighestTime(journal: DatabaseSync, size: number): Micros {
  const newestFirst = journal.prepare('SELECT row FROM journal WHERE sequence < ? ORDER BY sequence DESC');
  let highest: Micros = 0;
  for (const { row } of newestFirst.iterate(size)) {
    const { recorded_at, outcome } = timeSchema.parse(JSON.parse(String(row)));
    const time = parseInstant(recorded_at) ?? 0;
    if (time <= highest - TOLERANCE) break;
    highest = Math.max(highest, time);
    if (outcome === OUTCOME) break;
  }
  return highest;
}
