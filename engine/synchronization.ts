// The synchronization steps: all entries that are due (delta) or all there are (full), then what they left outstanding.
import { type Cause, causeIn } from './cause.ts';
import { RuleError } from './configuration/expressions.ts';
import type { Agent } from './configuration/model.ts';
import { connectorsOf } from './export-flow.ts';
import { resolveHeldReferences } from './held-references.ts';
import { entryIndex } from './indexes.ts';
import { agentsGone, outstandingOf, type Task } from './outstanding.ts';
import { flowOutward } from './outward.ts';
import type { StepOutcome, StepRunner } from './run-step.ts';
import { KINDS, withRetry } from './space.ts';
import { recordFailure, synchronizeEntry } from './synchronize.ts';
import type { Unit } from './unit.ts';
import { recordNotJoined } from './unresolved.ts';

/** References that form a circle settle in two passes; more than this is a rule that never comes to rest. */
const MOST_PASSES = 10;

export async function synchronization(runner: StepRunner, agent: Agent, kind: 'delta' | 'full'): Promise<StepOutcome> {
  const due =
    kind === 'delta' ? runner.state.find(KINDS.entry, 'due', entryIndex.due(agent.name)) : allEntries(runner, agent);
  await runner.inBatches(due, (unit, id) => synchronizeEntry(unit, id, kind === 'full'));
  const agents = [agent.name, ...agentsGone(runner.state, runner.context.configuration)];
  await settleOutstanding(runner, agents);
  await settle(runner, agents, 'referrer', resolveHeldReferences);
  await settle(runner, agents, 'waiting', recordNotJoined);
  return { result: runner.hasErrors() ? 'completed-sync-errors' : 'success' };
}

function allEntries(runner: StepRunner, agent: Agent): string[] {
  return [...agent.types.keys()].flatMap((type) =>
    runner.state.find(KINDS.entry, 'all', entryIndex.ofAgent(agent.name, type)),
  );
}

async function settleOutstanding(runner: StepRunner, agents: readonly string[]): Promise<void> {
  for (let pass = 0; pass < MOST_PASSES; pass++) {
    const entries = await settle(runner, agents, 'entry', retry);
    const objects = await settle(runner, agents, 'object', flowAgain);
    if (entries + objects === 0) return;
  }
  throw new Error(`The references of ${agents[0]} did not come to rest in ${MOST_PASSES} passes.`);
}

/** Does what is outstanding of one task of these agents, and returns how much that was. */
async function settle(
  runner: StepRunner,
  agents: readonly string[],
  task: Task,
  work: (unit: Unit, id: string, cause: Cause) => void,
): Promise<number> {
  const outstanding = outstandingOf(runner.state, agents, task);
  await runner.inBatches(outstanding, (unit, { id, agent, ...cause }) => {
    unit.removeOutstanding(task, id, agent);
    work(unit, id, cause);
  });
  return outstanding.length;
}

function retry(unit: Unit, id: string, cause: Cause): void {
  const entry = unit.entry(id);
  // What is no connector any more flows nowhere, whatever its references name; nor does what belongs to no agent.
  if (entry?.object === undefined || !unit.context.configuration.agents.has(entry.agent)) return;
  unit.putEntry(withRetry(entry, causeIn(cause), false));
  synchronizeEntry(unit, id, false);
}

/** Flows an object outward because of another; when its own rules fail, one of its entries keeps that to be tried again. */
function flowAgain(unit: Unit, id: string, cause: Cause): void {
  const object = unit.object(id);
  if (!object) return;
  try {
    unit.attempt(() => flowOutward(unit, object, cause));
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    const [entry] = connectorsOf(unit, id);
    if (!entry) throw error;
    recordFailure(unit, withRetry(entry, causeIn(cause), true), error);
  }
}
