// The change log of one installation, opened as a whole: the journal that accepts, ClickHouse that answers, the shipper
// between them, the checkpoints signed over it, and what a backlog does to those who make events.
import { BackPressure, type Limits } from './back-pressure.ts';
import { Checkpoints } from './checkpoints/checkpoints.ts';
import { createDestinations, Publication, type PublicationSettings } from './checkpoints/publication/publication.ts';
import { type ClickHouse, type ClickHouseTarget, openClickHouse } from './clickhouse/connect.ts';
import { Scrubber } from './clickhouse/scrubber.ts';
import { Shipper } from './clickhouse/shipper.ts';
import { KEPT_DAYS, KEPT_ROWS, Trimmer } from './clickhouse/trimmer.ts';
import { emptiedFirst, type Questioned } from './erasure/emptied-first.ts';
import { Eraser } from './erasure/eraser.ts';
import { LogError } from './errors.ts';
import { Journal } from './journal/journal.ts';
import { fixPartitionEvents } from './retention/tombstones.ts';

export interface ChangeLog {
  readonly journal: Journal;
  readonly clickhouse: ClickHouse;
  /** The same for questions and exports: nothing that is erased is told. */
  readonly questioned: Questioned;
  readonly shipper: Shipper;
  readonly pressure: BackPressure;
  readonly trimmer: Trimmer;
  readonly scrubber: Scrubber;
  readonly checkpoints: Checkpoints;
  readonly publication: Publication;
  readonly eraser: Eraser;
  /** Closes everything, once however often it is asked for. */
  close(): Promise<void>;
}

export interface LogTarget extends ClickHouseTarget {
  /** The file of the key that signs checkpoints; `checkpoint-key` in the data folder unless named. */
  checkpointKeyFile?: string | undefined;
  /** Where checkpoints are sent; nowhere unless said. */
  publication?: PublicationSettings | undefined;
  /** How many events a partition of a new log holds, a power of two; 16,777,216 unless given. */
  partitionEvents?: number | undefined;
  /** How many days the journal keeps rows that are delivered. */
  journalDays?: number | undefined;
  /** How many of the newest rows it keeps whatever their age; 100,000 unless given. Only measurements and tests set it. */
  journalRows?: number | undefined;
}

/**
 * Opens the log in a data folder and starts shipping, and signing checkpoints. Throws LogError: the folder is in use, newer
 * or not writable; the key of the checkpoints is not the one there should be; the journal is not what was signed.
 * A ClickHouse server that is away is no error: the journal accepts, and the shipper waits.
 */
export async function openChangeLog(target: LogTarget, limits?: Limits): Promise<ChangeLog> {
  const opened: Parts = { journal: await Journal.open(target.folder) };
  try {
    const parts = await openParts(target, opened);
    let closing: Promise<void> | undefined;
    const close = () => {
      closing ??= closeAll(parts);
      return closing;
    };
    const questioned = emptiedFirst(parts.clickhouse, parts.eraser);
    return { ...parts, questioned, pressure: new BackPressure(parts.journal, parts.shipper, limits), close };
  } catch (error) {
    await closeAll(opened);
    throw error;
  }
}

/** Puts each part into `opened` as soon as it is there, and before it starts: what fails halfway is closed with what runs. */
async function openParts(target: LogTarget, opened: Parts): Promise<Required<Parts>> {
  const { journal } = opened;
  if (target.partitionEvents !== undefined) await fixPartitionEvents(journal, target.partitionEvents);
  const checkpoints = await Checkpoints.open(journal, target.checkpointKeyFile);
  opened.checkpoints = checkpoints;
  const clickhouse = openClickHouse(target);
  opened.clickhouse = clickhouse;
  const shipper = new Shipper(journal, clickhouse);
  opened.shipper = shipper;
  await prepareOrWait(shipper);
  shipper.start();
  checkpoints.start();
  const checkpointed = () => checkpoints.reader.newest()?.size ?? 0;
  const rules = { keepDays: target.journalDays ?? KEPT_DAYS, keepRows: target.journalRows ?? KEPT_ROWS };
  const trimmer = new Trimmer({ journal, clickhouse, shipper, checkpointed }, rules);
  opened.trimmer = trimmer;
  trimmer.start();
  const scrubber = new Scrubber({ journal, clickhouse, shipper });
  opened.scrubber = scrubber;
  scrubber.start();
  const destinations = target.publication ? createDestinations(target.publication, checkpoints) : [];
  const publication = new Publication(checkpoints, destinations);
  opened.publication = publication;
  const eraser = new Eraser(journal, clickhouse, shipper);
  opened.eraser = eraser;
  eraser.start();
  return { journal, clickhouse, shipper, trimmer, scrubber, checkpoints, publication, eraser };
}

async function prepareOrWait(shipper: Shipper): Promise<void> {
  try {
    await shipper.prepare();
  } catch (error) {
    // The shipper tries again and shows it as its problem, or stops: what contradicts the journal can still be read.
    const shown = ['clickhouse-ahead', 'clickhouse-different'];
    if (!(error instanceof LogError && (error.retryable || shown.includes(error.code)))) throw error;
  }
}

/** What is open so far. */
interface Parts {
  journal: Journal;
  clickhouse?: ClickHouse;
  shipper?: Shipper;
  trimmer?: Trimmer;
  scrubber?: Scrubber;
  checkpoints?: Checkpoints;
  publication?: Publication;
  eraser?: Eraser;
}

/** In this order: the shipper uses both stores, what was accepted last is signed for, and the lock on the folder goes last. */
async function closeAll(parts: Parts): Promise<void> {
  const { journal, clickhouse, shipper, trimmer, scrubber, checkpoints, publication, eraser } = parts;
  try {
    await eraser?.stop();
    await trimmer?.stop();
    await scrubber?.stop();
    await shipper?.stop();
    await clickhouse?.close();
  } finally {
    try {
      await checkpoints?.signLast();
      await publication?.close();
      await checkpoints?.close();
    } finally {
      await journal.close();
    }
  }
}
