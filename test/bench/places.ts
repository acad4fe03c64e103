// Where a measurement works: a fresh folder each, taken away whatever happens, and a log or a ClickHouse opened in it.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PARTITION_EVENTS } from '../../ingest/clickhouse/cluster.ts';
import { type ClickHouse, openClickHouse } from '../../ingest/clickhouse/connect.ts';
import { migrateClickHouse } from '../../ingest/clickhouse/migrate.ts';
import { Journal } from '../../ingest/journal/journal.ts';

export async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'metatrail-bench-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** An embedded ClickHouse with the log's tables, empty. */
export function withClickHouse<T>(work: (clickhouse: ClickHouse) => Promise<T>): Promise<T> {
  return inFolder(async (folder) => {
    const clickhouse = openClickHouse({ folder });
    try {
      await migrateClickHouse(clickhouse, PARTITION_EVENTS);
      return await work(clickhouse);
    } finally {
      await clickhouse.close();
    }
  });
}

export function withJournal<T>(work: (journal: Journal) => Promise<T>): Promise<T> {
  return inFolder(async (folder) => {
    const journal = await Journal.open(folder);
    try {
      return await work(journal);
    } finally {
      await journal.close();
    }
  });
}
