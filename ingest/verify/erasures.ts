// Commitments that stand in place of content, against the events of stage erasure: a key may be gone only when such an event
// names it. Kept for each key that is gone, not for each event.
import type { Findings } from './findings.ts';
import type { Row } from './row.ts';
import type { Chunk } from './source.ts';

export interface Erased {
  /** The sequence of the erasure event. */
  by: number;
  /** How many commitments of rows stand in place of what it erased. */
  commitments: number;
}

export class Erasures {
  readonly #erasedBy = new Map<number, number>();
  readonly #used = new Map<number, { first: number; count: number }>();

  add({ erased, rows }: Chunk): void {
    for (const row of rows) if (row.stage === 'erasure') this.#addEvent(row);
    for (const { key, first, count } of erased) {
      const used = this.#used.get(key);
      this.#used.set(key, { first: used?.first ?? first, count: (used?.count ?? 0) + count });
    }
  }

  /**
   * Says which commitments no erasure explains, and returns how many each erasure explains. `isCut`: the log goes on after
   * what was read, and an erasure of it may stand there.
   */
  finish(findings: Findings, isCut: boolean): Erased[] {
    const found = new Map<number, number>();
    for (const [key, { first, count }] of this.#used) {
      const by = this.#erasedBy.get(key);
      if (by === undefined && isCut)
        findings.events(
          'erased-later',
          'has a commitment in place of its content; the event that erased it must come after this part',
          first,
          count,
          'gap',
        );
      else if (by === undefined)
        findings.events(
          'erased-by-nobody',
          'has a commitment in place of its content, and no erasure names its key',
          first,
          count,
        );
      else found.set(by, (found.get(by) ?? 0) + count);
    }
    return [...found].map(([by, commitments]) => ({ by, commitments })).sort((a, b) => a.by - b.by);
  }

  #addEvent(row: Row): void {
    for (const { attribute, type, operation, old } of row.values) {
      if (attribute !== 'key' || type !== 'integer' || operation !== 'remove') continue;
      if (!this.#erasedBy.has(Number(old))) this.#erasedBy.set(Number(old), row.sequence);
    }
  }
}
