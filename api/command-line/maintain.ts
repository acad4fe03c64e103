// Carries out a task of maintenance: by the service that runs on the data folder, or on the folder itself when none does.

import { existsSync } from 'node:fs';
import path from 'node:path';
import cliProgress from 'cli-progress';
import { z } from 'zod';
import { type LogTarget, openChangeLog } from '../../ingest/log.ts';
import { COMMAND_LINE } from '../access/access.ts';
import { type Environment, logTargetOf } from '../environment.ts';
import { carryOut, type OnProgress, type Task } from '../maintenance.ts';
import { findService, type RunningService } from '../running-service.ts';
import { CommandError } from './command-error.ts';

/** Throws CommandError, LogError and ReplayError. */
export function maintain(environment: Environment, task: Task): Promise<unknown> {
  return withProgress(async (onProgress) => {
    const service = await findService(environment.dataFolder);
    return service ? askService(service, task, onProgress) : onFolder(environment, task, onProgress);
  });
}

/** Shows how far the work is, on a terminal. */
export async function withProgress<T>(work: (onProgress: OnProgress) => Promise<T>): Promise<T> {
  const bar = new cliProgress.SingleBar({ format: '  {bar} {value} of {total} events', clearOnComplete: true });
  let started = false;
  try {
    return await work((done, total) => {
      if (!started) bar.start(total, 0);
      started = true;
      bar.update(done);
    });
  } finally {
    if (started) bar.stop();
  }
}

/** Throws CommandError where there is no data folder. */
export function requireDataFolder(folder: string): void {
  if (!existsSync(path.join(folder, 'metatrail.sqlite')))
    throw new CommandError(`There is no data folder ${folder}; name another one with --data or METATRAIL_DATA.`);
}

/** The log of a data folder for a command that sends nothing anywhere. */
export function quietTargetOf(environment: Environment): LogTarget {
  return { ...logTargetOf(environment), publication: undefined };
}

async function onFolder(environment: Environment, task: Task, onProgress: OnProgress): Promise<unknown> {
  requireDataFolder(environment.dataFolder);
  const log = await openChangeLog(quietTargetOf(environment));
  try {
    return await carryOut(log, task, onProgress, { viewer: COMMAND_LINE });
  } finally {
    await log.close();
  }
}

const lineSchema = z.union([
  z.strictObject({ done: z.number(), total: z.number() }),
  z.strictObject({ result: z.unknown() }),
  z.strictObject({ error: z.string() }),
]);

async function askService(service: RunningService, task: Task, onProgress: OnProgress): Promise<unknown> {
  for await (const line of answerOf(service, task)) {
    const said = lineSchema.safeParse(line);
    if (!said.success) break;
    if ('error' in said.data) throw new CommandError(said.data.error);
    if ('result' in said.data) return said.data.result;
    onProgress(said.data.done, said.data.total);
  }
  throw new CommandError(`The service at ${service.url} stopped answering; look at its log, then try again.`);
}

async function* answerOf(service: RunningService, task: Task): AsyncIterable<unknown> {
  try {
    const response = await fetch(new URL('maintenance', service.url), {
      method: 'POST',
      headers: { authorization: `Bearer ${service.token}`, 'content-type': 'application/json' },
      body: JSON.stringify(task),
    });
    let rest = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) yield JSON.parse(line);
    }
    if (rest !== '') yield JSON.parse(rest);
  } catch {
    // Whoever asked is told that the answer ended early.
  }
}
