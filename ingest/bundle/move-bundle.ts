// A log made again from a bundle: a data folder, and the rows in the ClickHouse in it or on a server. The folder gets its name
// when everything is there and was compared; until then it is called `….moving`, and whoever runs the same again goes on.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { syncTree } from '../backup/copy.ts';
import { type ClickHouseTarget, openClickHouse } from '../clickhouse/connect.ts';
import { migrateClickHouse } from '../clickhouse/migrate.ts';
import { findEmptyPlace, giveName } from '../empty-folder.ts';
import { LogError } from '../errors.ts';
import { lockDataFolder } from '../journal/lock.ts';
import { TILE_WIDTH } from '../merkle/tree.ts';
import { compareFilled, countFilled, type FillProgress, fillClickHouse } from './fill-clickhouse.ts';
import { OpenedBundle } from './open-bundle.ts';
import { writeJournal } from './write-journal.ts';

const MOVING = '.moving';
/** In an unfinished folder: the SHA-256 of the bundle.json that it is made from. */
const MARKER = 'moving';

export interface BundleMove {
  /** The bundle's folder. That it is a whole, unaltered log was checked before, by the verifier. */
  bundle: string;
  /** Where the log is to be; its folder must be empty or not there, and so must be its ClickHouse. */
  target: ClickHouseTarget;
  /** Called when all rows are there and were compared, with what is to become the data folder, which nothing has open. */
  finish: (made: ClickHouseTarget) => Promise<void>;
  onProgress?: (progress: FillProgress) => void;
  signal?: AbortSignal;
}

export interface MovedBundle {
  log: string;
  events: number;
  /** Those of them, at the beginning, that have expired. */
  expired: number;
  /** Those that a move that was cut off had brought there. */
  found: number;
  keys: number;
  /** Events of which columns were emptied. */
  erased: number;
  holds: number;
}

/** The folder that a move that did not end has left. */
export function unfinishedMove(folder: string): string | undefined {
  const made = `${path.resolve(folder)}${MOVING}`;
  return existsSync(made) ? made : undefined;
}

/** Throws LogError: move-refused, and what ClickHouse refuses; what was copied stays, and the next move goes on from there. */
export async function moveBundle(move: BundleMove): Promise<MovedBundle> {
  const bundle = new OpenedBundle(move.bundle);
  refusePart(bundle);
  const place = await findEmptyPlace(move.target.folder, 'move-refused');
  const made = `${place}${MOVING}`;
  const isBegun = takeUp(made, bundle);
  const lock = lockDataFolder(made);
  try {
    const target = { ...move.target, folder: made };
    const filled = await fill(move, target, bundle, isBegun).catch((error: unknown) => {
      // Without the marker nothing is in ClickHouse.
      if (!existsSync(path.join(made, MARKER))) rmSync(made, { recursive: true, force: true });
      throw error;
    });
    await move.finish(target);
    rmSync(path.join(made, MARKER));
    await syncTree(made);
    await giveName(made, place, 'move-refused');
    return filled;
  } finally {
    lock.close();
  }
}

async function fill(
  { onProgress, signal }: BundleMove,
  target: ClickHouseTarget,
  bundle: OpenedBundle,
  isBegun: boolean,
): Promise<MovedBundle> {
  const clickhouse = openClickHouse(target);
  const filling = { bundle, clickhouse, onProgress, signal };
  try {
    await migrateClickHouse(clickhouse, bundle.partitionEvents);
    const found = await countFilled(filling);
    if (!isBegun) begin(target.folder, bundle, found);
    const { keys, erased, holds } = await writeJournal(target.folder, bundle).catch((error: unknown) => {
      if (found === 0) rmSync(path.join(target.folder, MARKER));
      throw error;
    });
    await fillClickHouse(filling, found, erased);
    await compareFilled(filling);
    const { log, size: events, first: expired } = bundle;
    return { log, events, expired, found, keys, erased: erased.length, holds };
  } finally {
    await clickhouse.close();
  }
}

/** From here on what is in the ClickHouse came from this bundle. */
function begin(made: string, { sha256 }: OpenedBundle, found: number): void {
  if (found === 0) {
    writeFileSync(path.join(made, MARKER), sha256, { mode: 0o600 });
    return;
  }
  throw new LogError(
    'move-refused',
    `The ClickHouse to move to holds ${found} events already; name an empty database.`,
  );
}

/** Of a part of a log none is made that could go on, or be proved from its beginning. */
function refusePart(bundle: OpenedBundle): void {
  const { first, size } = bundle;
  const covered = bundle.checkpoints().at(-1)?.size ?? 0;
  const last = bundle.tombstones().at(-1);
  if (first !== (last ? last.first + last.size : 0) || size !== covered)
    throw new LogError(
      'move-refused',
      `The bundle is a part of its log, events ${first} to ${size - 1} of ${covered}; export the whole log, without --from and --to.`,
    );
  for (let tile = 0; tile < first / TILE_WIDTH; tile++)
    if (!bundle.hasTile(0, tile))
      throw new LogError(
        'move-refused',
        `The tiles of the events before ${first}, which have expired, are not in the bundle; export the log without --from, by this version.`,
      );
}

/** Whether a move of this bundle was begun in the unfinished folder, which is made where it is not there. */
function takeUp(made: string, { sha256 }: OpenedBundle): boolean {
  mkdirSync(made, { recursive: true, mode: 0o700 });
  const marker = path.join(made, MARKER);
  if (!existsSync(marker)) return false;
  if (readFileSync(marker, 'utf8') === sha256) return true;
  throw new LogError('move-refused', `${made} was left by a move of another bundle that did not end; remove it.`);
}
