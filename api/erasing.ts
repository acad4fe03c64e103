// Erasure of a person as it is asked for: the log's part and the engine's together, while no run is going on.

import type { Engine } from '../engine/engine.ts';
import { findTraces } from '../engine/traces.ts';
import type { CheckState, Erased, Reason } from '../ingest/erasure/eraser.ts';
import type { ErasurePlan, ErasureRequest } from '../ingest/erasure/plan.ts';
import { LogError } from '../ingest/errors.ts';
import type { ChangeLog } from '../ingest/log.ts';
import { holdsOn } from '../ingest/retention/holds.ts';

export interface ErasingSources {
  log: ChangeLog;
  engine: Engine;
}

/** Throws LogError when the person may not be erased, or ClickHouse is away. Nothing is done. */
export function previewErasure({ log, engine }: ErasingSources, request: ErasureRequest): Promise<ErasurePlan> {
  return engine.exclusively(() => log.eraser.plan(request, checkIn(log)));
}

/** Throws LogError as previewErasure does; then nothing is erased. */
export function erasePerson({ log, engine }: ErasingSources, request: ErasureRequest, reason: Reason): Promise<Erased> {
  return engine.exclusively(() => log.eraser.erase(request, reason, checkIn(log)));
}

const checkIn =
  ({ journal }: ChangeLog): CheckState =>
  (plan) => {
    const [hold] = holdsOn(journal, plan.objects);
    if (hold)
      throw new LogError(
        'erasure-refused',
        `The legal hold ${hold.event} covers ${hold.object ? 'this person' : 'everything'}.`,
      );
    const names = new Set([...plan.texts].filter((text) => !plan.shared.has(text)));
    const traces = findTraces(journal, { objects: plan.objects, entries: plan.entries, names });
    if (traces.agents.length > 0)
      throw new LogError(
        'erasure-refused',
        `They still have entries in ${traces.agents.join(', ')}, and the next import would write everything again.`,
      );
    if (traces.living.length > 0)
      throw new LogError('erasure-refused', `They still exist in the metaverse, as ${traces.living.join(', ')}.`);
    const remains = traces.namedBy.map(
      ({ agent, entries }) =>
        `${agent} still names them in ${entries} of its entries, and so does what is known of these.`,
    );
    return { removals: traces.removals, remains };
  };
