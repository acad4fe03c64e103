// The run that is going on, remembered with its first event and forgotten with its last, so that one which nobody lived
// to finish is closed and its history does not claim to go on.
import { systemClock } from '../ingest/clock.ts';
import type { ProposedEvent } from '../ingest/event.ts';
import type { Journal } from '../ingest/journal/journal.ts';
import { KINDS } from './space.ts';

export interface UnfinishedRun {
  run: number;
  agent: string;
  profile: string;
  configuration: number;
  /** The step that is going on. */
  step?: number;
  stepKind?: string;
}

/** Closes the run that was not finished, and its step, with this outcome. Returns it; undefined: there was none. */
export async function closeUnfinishedRun(journal: Journal, outcome: string): Promise<UnfinishedRun | undefined> {
  const unfinished = journal.state.get(KINDS.engine, 'run') as UnfinishedRun | undefined;
  if (!unfinished) return undefined;
  const { run, agent, profile, configuration, step, stepKind } = unfinished;
  const stopped: ProposedEvent = {
    occurredAt: systemClock(),
    occurredAtKnown: 'observed',
    stage: 'run',
    operation: 'stop',
    outcome,
    error: outcome,
    agent,
    values: [],
    initiatorKnown: 'unknown',
    performer: 'metatrail',
    causes: [run],
    root: run,
    configuration,
    run,
    outOfBand: false,
  };
  const ofRun: ProposedEvent = {
    ...stopped,
    values: [{ attribute: 'profile', type: 'string', operation: 'add', new: profile, marks: 0 }],
  };
  const ofStep = step !== undefined && stepKind !== undefined ? [{ ...stopped, step, stepKind }] : [];
  await journal.accept(() => ({
    events: [...ofStep, ofRun],
    state: [{ kind: KINDS.engine, key: 'run', value: null }],
  }));
  return unfinished;
}
