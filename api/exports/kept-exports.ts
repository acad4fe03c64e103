// Exports under way and their manifests. So many at once of one person, so many of all: each reads the log and holds some pages
// in memory. A manifest is kept for a day, in memory; that the file was made, with its SHA-256, is in the log for good.
import { systemClock } from '../../ingest/clock.ts';
import type { Manifest } from './manifest.ts';

const AT_ONCE_OF_ONE = 2;
const AT_ONCE_OF_ALL = 8;
const KEPT_MICROS = 24 * 3_600_000_000;
const MOST_KEPT = 1000;

/** Too many are under way; the message says whose. */
export class TooManyExportsError extends Error {
  override name = 'TooManyExportsError';
}

interface Kept {
  viewer: string;
  at: number;
  manifest: Manifest;
}

export class KeptExports {
  /** Who has how many under way. */
  readonly #underWay = new Map<string, number>();
  /** By the export's id, the oldest first. */
  readonly #kept = new Map<string, Kept>();

  /** Takes a place, which is given back by what is returned. Throws TooManyExportsError. */
  begin(viewer: string): () => void {
    const own = this.#underWay.get(viewer) ?? 0;
    const all = [...this.#underWay.values()].reduce((sum, count) => sum + count, 0);
    if (own >= AT_ONCE_OF_ONE)
      throw new TooManyExportsError(`You have ${own} exports under way, and no more at once; wait until one is over.`);
    if (all >= AT_ONCE_OF_ALL)
      throw new TooManyExportsError(`There are ${all} exports under way, and no more at once; try again in a minute.`);
    this.#underWay.set(viewer, own + 1);
    return () => {
      const left = (this.#underWay.get(viewer) ?? 1) - 1;
      if (left === 0) this.#underWay.delete(viewer);
      else this.#underWay.set(viewer, left);
    };
  }

  keep(viewer: string, manifest: Manifest): void {
    const at = systemClock();
    this.#kept.set(manifest.export, { viewer, at, manifest });
    for (const [id, kept] of this.#kept) {
      if (kept.at > at - KEPT_MICROS && this.#kept.size <= MOST_KEPT) break;
      this.#kept.delete(id);
    }
  }

  /** Of nobody else's export. */
  manifestOf(viewer: string, id: string): Manifest | undefined {
    const kept = this.#kept.get(id);
    return kept?.viewer === viewer && kept.at > systemClock() - KEPT_MICROS ? kept.manifest : undefined;
  }
}
