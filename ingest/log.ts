// The change log of one installation, opened as a whole: the journal that accepts, ClickHouse that answers, the shipper
// between them.
import { type ClickHouse, type ClickHouseTarget, openClickHouse } from './clickhouse/connect.ts';
import { Shipper } from './clickhouse/shipper.ts';
import { LogError } from './errors.ts';
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
  let clickhouse: ClickHouse | undefined;
  try {
    clickhouse = openClickHouse(target);
    const shipper = new Shipper(journal, clickhouse);
    await prepareOrWait(shipper);
    shipper.start();
    return { journal, clickhouse, shipper, close: () => closeAll(journal, clickhouse, shipper) };
  } catch (error) {
    await closeAll(journal, clickhouse);
    throw error;
  }
}

async function prepareOrWait(shipper: Shipper): Promise<void> {
  try {
    await shipper.prepare();
  } catch (error) {
    // The shipper tries again, and shows it as its problem.
    if (!(error instanceof LogError && error.retryable)) throw error;
  }
}

/** In this order: the shipper uses both stores, and the lock on the folder goes last. */
async function closeAll(journal: Journal, clickhouse?: ClickHouse, shipper?: Shipper): Promise<void> {
  try {
    await shipper?.stop();
    await clickhouse?.close();
  } finally {
    await journal.close();
  }
}
