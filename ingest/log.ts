// The change log of one installation, opened as a whole: the journal that accepts, ClickHouse that answers, the shipper
// between them.
import { type ClickHouse, type ClickHouseTarget, openClickHouse } from './clickhouse/connect.ts';
import { migrateClickHouse } from './clickhouse/migrate.ts';
import { Shipper } from './clickhouse/shipper.ts';
import { Journal } from './journal/journal.ts';

export interface ChangeLog {
  readonly journal: Journal;
  readonly clickhouse: ClickHouse;
  readonly shipper: Shipper;
  close(): Promise<void>;
}

/**
 * Opens the log in a data folder and starts shipping. Throws LogError: the folder is in use, newer or not writable.
 * A ClickHouse server that is away is no error: the journal accepts, and the shipper waits.
 */
export async function openChangeLog(target: ClickHouseTarget): Promise<ChangeLog> {
  const journal = await Journal.open(target.folder);
  const clickhouse = openClickHouse(target);
  const shipper = new Shipper(journal, clickhouse);
  await migrateClickHouse(clickhouse);
  shipper.start();
  return {
    journal,
    clickhouse,
    shipper,
    async close() {
      await shipper.stop();
      await clickhouse.close();
      await journal.close();
    },
  };
}
