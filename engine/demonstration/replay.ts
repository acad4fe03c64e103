// Replays two years of the demonstration company through the real engine: feeds are put into the drop folders and agents
// run, each by its own clock. What was done is kept with the engine's state, so a process that was killed goes on where it was.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { Journal } from '../../ingest/journal/journal.ts';
import type { LoadOptions } from '../configuration/load.ts';
import type { Engine } from '../engine.ts';
import type { RunResult } from '../run.ts';
import { KINDS } from '../space.ts';
import { editByHand } from './by-hand.ts';
import { MONTHS } from './calendar.ts';
import { type Feeds, generateFeeds } from './feeds.ts';
import { type Act, timetable } from './timetable.ts';

/** All of the company follows from it; the stories that README.md tells are in it. */
export const DEMONSTRATION_SEED = 2411;

const STATE_KEY = 'demonstration';
const stateSchema = z.object({ done: z.number().int().nonnegative() });

export interface DemonstrationProgress {
  /** From 1. */
  month: number;
  months: number;
  /** Of everything that is done, how much has been. */
  done: number;
  total: number;
  /** What is going on now: "hr/full", or a sentence. */
  what: string;
}

export interface DemonstrationOptions {
  engine: Engine;
  journal: Journal;
  /** The data folder. */
  folder: string;
  onProgress?: (progress: DemonstrationProgress) => void;
  signal?: AbortSignal | undefined;
}

/** A run of the demonstration was stopped, by a full disk for example; the next start goes on with it. */
export class DemonstrationError extends Error {
  override name = 'DemonstrationError';
}

export interface PreparedDemonstration extends LoadOptions {
  /** The text of the configuration. */
  text: string;
}

/** Makes the drop folders in the data folder and returns what loadConfiguration takes. */
export async function prepareDemonstration(folder: string): Promise<PreparedDemonstration> {
  for (const agent of ['hr', 'contractors']) await mkdir(path.join(homeOf(folder), agent), { recursive: true });
  const file = path.join(import.meta.dirname, 'company.yaml');
  return { file, text: await readFile(file, 'utf8'), variables: { data: folder } };
}

export function isDemonstrationComplete(journal: Journal): boolean {
  return doneOf(journal) >= timetable().length;
}

/**
 * Does everything of the timetable that has not been done yet. Rejects with the signal's reason between two runs when it
 * is aborted, with DemonstrationError when a run was stopped, and with LogError when the journal cannot accept.
 */
export async function replayDemonstration(options: DemonstrationOptions): Promise<void> {
  const { journal, onProgress, signal } = options;
  const acts = timetable();
  const first = doneOf(journal);
  if (first >= acts.length) return;
  const feeds = generateFeeds(DEMONSTRATION_SEED);
  for (const [index, act] of acts.entries()) {
    if (index < first) continue;
    signal?.throwIfAborted();
    onProgress?.({ month: act.month, months: MONTHS, done: index, total: acts.length, what: nameOf(act) });
    await perform(options, act, feeds);
    const value: z.infer<typeof stateSchema> = { done: index + 1 };
    await journal.accept(() => ({ events: [], state: [{ kind: KINDS.engine, key: STATE_KEY, value }] }));
  }
  onProgress?.({ month: MONTHS, months: MONTHS, done: acts.length, total: acts.length, what: 'complete' });
}

function homeOf(folder: string): string {
  return path.join(folder, 'demonstration');
}

function doneOf(journal: Journal): number {
  const state = stateSchema.safeParse(journal.state.get(KINDS.engine, STATE_KEY));
  return state.success ? state.data.done : 0;
}

function nameOf(act: Act): string {
  if (act.kind === 'by-hand') return act.edit.what;
  return act.kind === 'feed' ? `${act.agent}/full` : `${act.agent}/${act.profile}`;
}

async function perform({ engine, folder }: DemonstrationOptions, act: Act, feeds: readonly Feeds[]): Promise<void> {
  if (act.kind === 'by-hand') return editByHand(homeOf(folder), act.edit);
  if (act.kind === 'feed') {
    const text = feeds[act.month - 1]?.[act.agent] ?? '';
    await putImage(path.join(homeOf(folder), act.agent), act.image, text);
  }
  check(await engine.run(act.agent, act.kind === 'feed' ? 'full' : act.profile, { at: act.at }));
}

/** A drop folder must never show half an image: written under another name, then renamed. */
async function putImage(folder: string, name: string, text: string): Promise<void> {
  const temporary = path.join(folder, `.${name}.new`);
  await writeFile(temporary, text);
  await rename(temporary, path.join(folder, name));
}

/** Object errors belong to the story; a step that was stopped does not. */
function check({ agent, profile, steps }: RunResult): void {
  const stopped = steps.find(({ message }) => message !== undefined);
  if (stopped) throw new DemonstrationError(`${agent}/${profile} was stopped (${stopped.result}): ${stopped.message}`);
}
