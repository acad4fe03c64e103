// The machine's clock was set back: sequence order holds, and an event says that times do not follow it here.
import { formatIso, type Micros } from '../clock.ts';
import type { ProposedEvent } from '../event.ts';

/** Time services correct a clock by less than this, and nobody has to be told. */
const TOLERANCE: Micros = 1_000_000;

/** The event to accept first, when the newest event has a time that is not reached yet; else nothing. */
export function noteClockSetBack(newest: Micros, now: Micros): ProposedEvent[] {
  if (newest - now < TOLERANCE) return [];
  return [
    {
      occurredAt: now,
      occurredAtKnown: 'observed',
      stage: 'configuration',
      operation: 'update',
      outcome: 'clock-set-back',
      values: [
        {
          attribute: 'clock',
          type: 'time',
          operation: 'replace',
          old: formatIso(newest),
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
