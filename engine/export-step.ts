// The export step: intents accepted, changes sent, outcomes accepted.
import type { Agent } from './configuration/model.ts';
import { changeOf, exportOrder, intend, settle } from './export.ts';
import { entryIndex } from './indexes.ts';
import type { StepOutcome, StepRunner } from './run-step.ts';
import { type Entry, KINDS } from './space.ts';

const BATCH_ENTRIES = 500;

export async function exportStep(runner: StepRunner, agent: Agent): Promise<StepOutcome> {
  const { connector } = runner;
  if (!connector.export) throw new Error(`The connector of ${agent.name} cannot export.`);
  const read = (id: string) => runner.state.get(KINDS.entry, id) as Entry;
  const ids = runner.state
    .find(KINDS.entry, 'export', entryIndex.export(agent.name))
    .map(read)
    .sort(exportOrder)
    .map(({ id }) => id);
  if (ids.length === 0) return { result: 'success' };
  await runner.inBatches(ids, BATCH_ENTRIES, (unit, id) => intend(unit, id));
  const changes = ids.map((id) => changeOf(read(id))).filter((change) => change !== undefined);
  const results = await connector.export(changes);
  await runner.inBatches(results, BATCH_ENTRIES, (unit, result) => settle(unit, agent, result));
  return { result: results.some(({ error }) => error !== undefined) ? 'completed-export-errors' : 'success' };
}
