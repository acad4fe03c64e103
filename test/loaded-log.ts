// A large log of the mix (bench/mix.json) that went the whole way of a real one, journal and shipper, and the service on it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { findService } from '../api/running-service.ts';
import { fromRow, rowSchema } from '../ingest/clickhouse/rows.ts';
import { openChangeLog } from '../ingest/log.ts';
import { CONFIGURATION } from './bench/engine-change.ts';
import { MIX, MIXED_EVENTS } from './bench/mix.ts';
import { proposedOf, selectOf } from './bench/rows-of-select.ts';

const PROGRAM = fileURLToPath(new URL('../api/metatrail.ts', import.meta.url));
const BATCH = 5000;
const SAMPLE = 500;

/** Makes the log in a data folder that has none, or goes on where it was cut off; `told` is given how many events are accepted. */
export async function fillLog(data: string, events: number, told: (accepted: number) => void = () => undefined) {
  const log = await openChangeLog({ folder: data });
  try {
    const sql = `SELECT * FROM (${selectOf(MIXED_EVENTS)}) ORDER BY sequence`;
    for (let from = log.journal.size; from < events; from += BATCH) {
      const params = { from, to: Math.min(events, from + BATCH), total: events };
      const rows = await log.clickhouse.select(sql, params, rowSchema, { timeLimit: 60 });
      const proposed = rows.map((row) => proposedOf(fromRow(row)));
      await log.journal.accept(() => ({ events: proposed, state: [] }));
      await log.shipper.delivered(Math.max(0, from - 10 * BATCH));
      told(from + proposed.length);
    }
    await log.shipper.delivered(events);
  } finally {
    await log.close();
  }
}

/** What questions about the mix can be about, drawn from the log, the same for the same log. */
export async function sampleLog(data: string): Promise<Record<string, readonly unknown[]>> {
  const log = await openChangeLog({ folder: data });
  try {
    const draw = async (what: string, condition: string) => {
      const sql = `SELECT DISTINCT ${what} AS drawn FROM events WHERE ${condition} ORDER BY cityHash64(drawn) LIMIT ${SAMPLE}`;
      const rows = await log.clickhouse.select(sql, {}, z.object({ drawn: z.union([z.string(), z.number()]) }), {
        timeLimit: 60,
      });
      return rows.map(({ drawn }) => drawn);
    };
    return {
      person: await draw('toString(object)', "object_type = 'person' AND stage = 'export'"),
      group: await draw('toString(object)', "object_type = 'group'"),
      title: await draw('value.new[1]', "stage = 'import-flow' AND value.attribute[1] = 'title'"),
      text: await draw('object_name', "object_type = 'person' AND stage = 'export'"),
      initiator: await draw('initiator', "stage = 'import'"),
      rule: await draw('value.rule[1]', "stage = 'import-flow'"),
      sequence: await draw('sequence', "stage = 'export'"),
      run: await draw('run', 'run_known = 1'),
    };
  } finally {
    await log.close();
  }
}

export const YEAR = Date.parse(`${MIX.year}T00:00:00Z`);

export interface LoadedService {
  url: string;
  token: string;
  child: ChildProcess;
  stop(): Promise<void>;
}

/** Starts the service on a data folder, with a configuration that has the mix's agents. */
export async function startOn(data: string): Promise<LoadedService> {
  const configuration = join(data, '..', 'mix.yaml');
  writeFileSync(configuration, CONFIGURATION);
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, ['--max-semi-space-size=8', PROGRAM, 'start'], {
    env: { PATH, HOME, METATRAIL_DATA: data, METATRAIL_CONFIG: configuration, PORT: '0', UV_THREADPOOL_SIZE: '16' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  };
  const deadline = Date.now() + 90_000;
  for (;;) {
    const service = await findService(data);
    if (service) return { url: service.url, token: service.token, child, stop };
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`The service did not start: ${output}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
