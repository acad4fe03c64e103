// The full-import step: reads an image, asks the fuse, stages every entry, then what is gone.
import { RuleError } from './configuration/expressions.ts';
import type { Agent } from './configuration/model.ts';
import { ConnectorError, type FullImage, type ImportedEntry } from './connector.ts';
import { entryIndex } from './indexes.ts';
import { isThere } from './matching.ts';
import type { StepOutcome, StepRunner } from './run-step.ts';
import { type AgentState, type Entry, KINDS } from './space.ts';
import { refusalOf, stageEntry, stageGone, stageRefused } from './stage.ts';
import type { Unit } from './unit.ts';

/** Reads the next image of the agent and stages it. Throws ConnectorError; the fuse is one too. */
export async function fullImport(runner: StepRunner, agent: Agent): Promise<StepOutcome> {
  const state = (runner.state.get(KINDS.agent, agent.name) as AgentState | undefined) ?? { imported: false };
  const image = await runner.connector.readFullImage(state.lastImage);
  if (!image) return { result: 'completed-no-objects' };
  if (image.date !== undefined) runner.takeImageDate(image.date);
  const gone = goneFrom(runner, agent, image);
  checkFuse(runner, agent, image, gone);
  await stageImage(runner, agent, image, gone, state);
  const { input } = image;
  return { result: resultOf(runner), input, agentState: { imported: true, lastImage: input.name } };
}

function existing(runner: StepRunner, agent: Agent, type: string): Entry[] {
  return runner.state
    .find(KINDS.entry, 'all', entryIndex.ofAgent(agent.name, type))
    .map((id) => runner.state.get(KINDS.entry, id) as Entry)
    .filter((entry) => entry.exists && entry.pending?.kind !== 'delete');
}

function resultOf(runner: StepRunner): string {
  const counted = new Set(runner.context.counters.list().map(({ name }) => name));
  if (counted.has('stage-failure')) return 'completed-discovery-errors';
  return counted.has('exported-change-not-reimported') ? 'completed-warnings' : 'success';
}

/**
 * The entries that the image no longer has. One that it has but that was refused is not gone; and where a refused one
 * does not say what it is, it could be any of its type, so none of that type is.
 */
function goneFrom(runner: StepRunner, agent: Agent, image: FullImage): Entry[] {
  const there = new Set<string>();
  const unsure = new Set<string>();
  for (const { type, anchor } of image.entries) there.add(JSON.stringify([type, anchor]));
  for (const { type, anchor } of image.refused) {
    if (type === undefined) return [];
    if (anchor === undefined) unsure.add(type);
    else there.add(JSON.stringify([type, anchor]));
  }
  const certain = [...agent.types.keys()].filter((type) => !unsure.has(type));
  return certain.flatMap((type) => {
    const entries = existing(runner, agent, type);
    // What has the anchor of an entry that we deleted is another one, where there is another one.
    const taken = new Set(entries.filter(isThere).map(({ anchor }) => anchor));
    return entries.filter(
      (entry) => !there.has(JSON.stringify([type, entry.anchor ?? ''])) || (!isThere(entry) && taken.has(entry.anchor)),
    );
  });
}

/**
 * A file cut in half must never empty a company: too large a share gone stops the step before anything is staged. Derived
 * objects come and go with the values of a column; that every one of them goes is a column that was emptied.
 */
function checkFuse(runner: StepRunner, agent: Agent, image: FullImage, gone: readonly Entry[]): void {
  if (agent.deleteShare >= 1) return;
  for (const [name, type] of agent.types) {
    const lost = gone.filter((entry) => entry.type === name && isThere(entry) && !isBeingDeleted(entry)).length;
    const before = existing(runner, agent, name).length;
    if (lost === 0 || (type.schema.derived ? lost < Math.max(before, 2) : lost / before <= agent.deleteShare)) continue;
    throw new ConnectorError(
      'stopped-deletion-limit',
      `${image.input.name} would delete ${lost} of ${before} ${name} objects of ${agent.name}; at most a share of ${agent.deleteShare} may go at once. Nothing was staged. If the file is wrong, put the right one in its place; if it is right, raise delete_share of ${agent.name} for one run.`,
    );
  }
}

/** Our own delete was handed out, and the process did not live to see it done. */
function isBeingDeleted({ escrowed }: Entry): boolean {
  return escrowed?.change.kind === 'delete';
}

async function stageImage(
  runner: StepRunner,
  agent: Agent,
  image: FullImage,
  gone: readonly Entry[],
  state: AgentState,
): Promise<void> {
  const work: ((unit: Unit) => void)[] = [
    ...image.entries.map(
      (imported) => (unit: Unit) => stageOne(unit, agent, imported, image.input.name, !state.imported),
    ),
    ...image.refused.map((refused) => (unit: Unit) => stageRefused(unit, agent, refused)),
    ...gone.map(({ id }) => (unit: Unit) => {
      const entry = unit.entry(id);
      if (entry) stageGone(unit, agent, entry);
    }),
  ];
  await runner.inBatches(work, (unit, item) => item(unit));
}

function stageOne(unit: Unit, agent: Agent, imported: ImportedEntry, file: string, firstImport: boolean): void {
  try {
    unit.attempt(() => stageEntry(unit, agent, imported, firstImport));
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    stageRefused(unit, agent, refusalOf(imported, file, error));
  }
}
