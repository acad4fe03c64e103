// An expiry without ClickHouse: what it accepts is accepted, and a replay begins with it as if all before had gone.
import assert from 'node:assert/strict';
import { carryState } from '../engine/replay/carried-state.ts';
import { compareStates, type StateDifference } from '../engine/replay/compare.ts';
import { Replay } from '../engine/replay/replay.ts';
import type { ProposedEvent } from '../ingest/event.ts';
import { JournalSnapshot } from '../ingest/journal/snapshot.ts';
import { StateStore } from '../ingest/journal/state-store.ts';
import type { World } from './engine-world.ts';

/** Accepts what an expiry would; returns the first event that is left when everything before has expired. */
export async function carryForward(world: World): Promise<number> {
  const { journal, engine } = world;
  const first = journal.size;
  const configuration =
    world.events().findLast(({ stage, outcome }) => stage === 'configuration' && outcome === 'configuration-changed') ??
    assert.fail('none');
  const fact = (stage: 'baseline' | 'retention', outcome: string): ProposedEvent => ({
    occurredAt: configuration.occurredAt,
    occurredAtKnown: 'observed',
    stage,
    operation: 'none',
    outcome,
    values: [],
    initiatorKnown: 'observed',
    performer: 'metatrail',
    causes: [],
    outOfBand: false,
  });
  const carried: ProposedEvent = {
    ...fact('baseline', configuration.outcome),
    values: configuration.values,
    causes: [configuration.sequence],
    root: configuration.root,
    stepKind: 'configuration',
  };
  await journal.accept(() => ({ events: [carried], state: [] }));
  for (const page of carryState(journal, engine.configuration))
    await journal.accept(() => ({ events: page, state: [] }));
  await journal.accept(() => ({ events: [fact('retention', 'partition-expired')], state: [] }));
  return first;
}

/** What differs when only the events from `first` on are replayed. */
export function differencesFrom(world: World, first: number): StateDifference[] {
  const snapshot = new JournalSnapshot(world.journal.folder);
  const store = new StateStore();
  try {
    const replay = new Replay(store, first);
    for (const event of world.events(first)) replay.add(event);
    replay.flush();
    return compareStates(snapshot.state(), store.rows(), replay).differences;
  } finally {
    store.close();
    snapshot.close();
  }
}
