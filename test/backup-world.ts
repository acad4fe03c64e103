// A company whose data folder is backed up while its engine runs, and what every restored folder has to show.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { Engine } from '../engine/engine.ts';
import { EVENT_COLUMNS, fromRow, rowSchema } from '../ingest/clickhouse/rows.ts';
import { type ChangeLog, openChangeLog } from '../ingest/log.ts';
import { company } from './engine-company.ts';
import { loadIn } from './engine-world.ts';
import { assertReplays } from './replayed-state.ts';

export const CONFIGURATION = company({ anchor: 'uid' });

export interface Running {
  log: ChangeLog;
  engine: Engine;
  /** Closes the log, and holds the state against what a replay of its events makes. */
  close: () => Promise<void>;
}

/** `folder` holds the files of the connected systems, `data` is the data folder. */
export async function openCompany(folder: string, data: string): Promise<Running> {
  const log = await openChangeLog({ folder: data });
  try {
    const engine = await Engine.open(log.journal, loadIn(folder, CONFIGURATION));
    const close = async () => {
      await log.shipper.delivered(log.journal.size);
      await assertReplays(data, log.clickhouse);
      await log.close();
    };
    return { log, engine, close };
  } catch (error) {
    await log.close();
    throw error;
  }
}

/** So many people of an image; each round changes some of them. */
export function writePeople(folder: string, count: number, round: number): void {
  mkdirSync(folder, { recursive: true });
  const people = Array.from({ length: count }, (_, id) =>
    [
      id,
      `Person ${id}`,
      (id + round) % 3 === 0 ? 'Clerk' : `Title ${round}`,
      '',
      '',
      `P${(id + round) % 7}`,
      '',
      'carol',
    ].join(','),
  );
  writeFileSync(
    path.join(folder, 'hr.csv'),
    `${['id,name,title,phone,status,projects,manager,by', ...people].join('\n')}\n`,
  );
  writeFileSync(path.join(folder, 'crm.csv'), 'key,id,name,title,phone\n');
}

export async function runCycle({ engine }: Running): Promise<void> {
  for (const { agent, profile } of engine.configuration.cycle) await engine.run(agent, profile);
}

/** Journal and ClickHouse hold the same rows, the view's target is what the view makes of them, the root is theirs. */
export async function assertWhole(log: ChangeLog): Promise<void> {
  const { journal, clickhouse, shipper } = log;
  await shipper.delivered(journal.size);
  const columns = EVENT_COLUMNS.map((column) => `\`${column}\``).join(', ');
  const held = await clickhouse.select(`SELECT ${columns} FROM events ORDER BY sequence`, {}, rowSchema, {
    timeLimit: 60,
  });
  const rows = journal.rows(0, 1_000_000);
  assert.equal(held.length, rows.length);
  const other = rows.findIndex(({ row }, i) => {
    const ours = held[i];
    return ours === undefined || !isDeepStrictEqual(fromRow(ours), fromRow(rowSchema.parse(JSON.parse(row))));
  });
  assert.equal(other, -1, `event ${other} is another one in ClickHouse`);
  await assertView(log);
  await assertReplays(journal.folder, clickhouse);
}

async function assertView({ clickhouse }: ChangeLog): Promise<void> {
  const [view] = await clickhouse.select(
    "SELECT as_select FROM system.tables WHERE name = 'entitlement_changes_view'",
    {},
    z.object({ as_select: z.string() }),
  );
  const all = (from: string) =>
    clickhouse.select(`SELECT * FROM (${from}) ORDER BY sequence, ordinal, value, granted`, {}, z.unknown(), {
      timeLimit: 60,
    });
  assert.deepEqual(await all('SELECT * FROM entitlement_changes'), await all(view?.as_select ?? ''));
}
