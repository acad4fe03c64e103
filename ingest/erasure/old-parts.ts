// The parts that a mutation left behind. They go by themselves after eight minutes, in which what replaced them gets to
// the disk; for a certificate they are made to go sooner.
import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { ClickHouse } from '../clickhouse/connect.ts';
import { formatMicros, type Micros } from '../clock.ts';
import { LogError } from '../errors.ts';

const TABLES = ['events', 'entitlement_changes', 'events_set_aside'];
/** Seconds that an old part stays meanwhile: what replaced it was written to the disk before (FSYNC). */
const LIFETIME = 1;
const POLL_MS = 250;
/** A part stays as long as a question reads it, and no question takes so long. */
const LONGEST_WAIT_MS = 180_000;
const FSYNC = 'min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1';

/** From here on what a mutation writes is on the disk before the part that it replaces may go. */
export async function beginWritingThrough(clickhouse: ClickHouse): Promise<void> {
  for (const table of TABLES) await clickhouse.command(`ALTER TABLE ${table} MODIFY SETTING ${FSYNC}`);
}

/** Waits until no part is left that was written before this time and is not in use. Throws LogError after three minutes. */
export async function removeOldParts(clickhouse: ClickHouse, before: Micros): Promise<void> {
  for (const table of TABLES)
    await clickhouse.command(`ALTER TABLE ${table} MODIFY SETTING old_parts_lifetime = ${LIFETIME}`);
  try {
    await waitUntilGone(clickhouse, before);
  } finally {
    for (const table of TABLES)
      await clickhouse.command(
        `ALTER TABLE ${table} RESET SETTING old_parts_lifetime, min_rows_to_fsync_after_merge, min_compressed_bytes_to_fsync_after_merge`,
      );
  }
}

/** ClickHouse looks for parts that may go every ten seconds, and half a minute after a start; whoever may, makes it look now. */
async function mayWake(clickhouse: ClickHouse): Promise<boolean> {
  const [asked] = await clickhouse.select(
    'SELECT currentDatabase() AS database',
    {},
    z.object({ database: z.string() }),
  );
  return clickhouse.hasRight(`SYSTEM CLEANUP ON ${asked?.database}.*`);
}

async function waitUntilGone(clickhouse: ClickHouse, before: Micros): Promise<void> {
  const isWaking = await mayWake(clickhouse);
  for (let waited = 0; ; waited += POLL_MS) {
    // It was never stopped; it begins anew at once.
    if (isWaking) for (const table of TABLES) await clickhouse.command(`SYSTEM START CLEANUP ${table}`);
    const [old] = await clickhouse.select(
      `SELECT count() AS parts FROM system.parts WHERE database = currentDatabase() AND table IN {tables:Array(String)}
       AND NOT active AND modification_time <= {before:DateTime64(6, 'UTC')}`,
      { tables: TABLES, before: formatMicros(before) },
      z.object({ parts: z.number() }),
    );
    if (!old || old.parts === 0) return;
    if (waited >= LONGEST_WAIT_MS)
      throw new LogError('certificate-refused', `ClickHouse still keeps ${old.parts} parts from before the erasure.`, {
        retryable: true,
      });
    await sleep(POLL_MS);
  }
}

/** A part that is being written has no table yet; a merge of large ones takes so long. */
const LONGEST_WRITING_MS = 60_000;

/**
 * Of these folders of an embedded ClickHouse, those that no table reads: detached, frozen, or left by a table that is gone. What
 * is in them no search of tables sees.
 */
export async function findStrayParts(clickhouse: ClickHouse, folders: readonly string[]): Promise<string[]> {
  for (let waited = 0; ; waited += POLL_MS) {
    const rows = await clickhouse.select('SELECT path FROM system.parts', {}, z.object({ path: z.string() }));
    // The data folder may be a link.
    const known = new Set(rows.flatMap(({ path: folder }) => (existsSync(folder) ? [realpathSync(folder)] : [])));
    const stray = folders.filter((folder) => !known.has(folder) && existsSync(folder));
    const isWritten = stray.some((folder) => path.basename(folder).startsWith('tmp_'));
    if (!isWritten || waited >= LONGEST_WRITING_MS) return stray;
    await sleep(POLL_MS);
  }
}
