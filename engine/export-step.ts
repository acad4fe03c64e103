// The export step: intents accepted, changes sent, outcomes accepted.
import type { Agent } from './configuration/model.ts';
import { ConnectorError, type ExportChange, type ExportResult } from './connector.ts';
import { changeOf, inExportOrder, intend, recordRefused, settle } from './export.ts';
import { entryIndex } from './indexes.ts';
import type { StepOutcome, StepRunner } from './run-step.ts';
import { type Entry, KINDS } from './space.ts';
import type { Unit } from './unit.ts';

export async function exportStep(runner: StepRunner, agent: Agent): Promise<StepOutcome> {
  const read = (id: string) => runner.state.get(KINDS.entry, id) as Entry;
  const pending = runner.state.find(KINDS.entry, 'export', entryIndex.export(agent.name)).map(read);
  const ids = inExportOrder(pending.filter(({ dn, type }) => dn !== undefined && agent.types.has(type))).map(
    ({ id }) => id,
  );
  if (ids.length === 0) return { result: 'success' };
  await runner.inBatches(ids, (unit, id) => intend(unit, id));
  const changes = ids.map((id) => changeOf(read(id))).filter((change) => change !== undefined);
  const results = await send(runner, agent, ids, changes);
  await runner.inBatches(results, (unit, result) => settle(unit, agent, result), { happened: true });
  return { result: results.some(({ error }) => error !== undefined) ? 'completed-export-errors' : 'success' };
}

/** Throws ConnectorError: then the connected system is as it was, by the connector's contract. */
async function send(
  runner: StepRunner,
  agent: Agent,
  ids: readonly string[],
  changes: readonly ExportChange[],
): Promise<ExportResult[]> {
  if (!runner.connector.export) throw new Error(`The connector of ${agent.name} cannot export.`);
  try {
    return await runner.connector.export(changes);
  } catch (error) {
    if (error instanceof ConnectorError) {
      const refuse = (unit: Unit, id: string) => {
        const entry = unit.entry(id);
        if (entry) recordRefused(unit, entry, error.code, undefined);
      };
      await runner.inBatches(ids, refuse, { happened: true });
    }
    throw error;
  }
}
