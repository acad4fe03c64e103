// What was found, kind by kind: the first sequence, how many, and a sentence. However much is wrong, little is kept.

/** `fault`: the log is not what it should be. `unchecked`: something could not be checked. `gap`: known, and no fault. */
export type Weight = 'fault' | 'unchecked' | 'gap';

export interface Finding {
  weight: Weight;
  /** A word in kebab-case. */
  kind: string;
  /** The first sequence it concerns, where it concerns events. */
  first?: number;
  count: number;
  what: string;
}

/** Findings that stand for themselves, such as one a checkpoint; of more only the number is kept. */
const MOST_OF_A_KIND = 20;

export class Findings {
  readonly #events = new Map<string, { weight: Weight; first: number; count: number; sentence: string }>();
  readonly #single: Finding[] = [];
  readonly #suppressed = new Map<string, number>();

  /** Something about `count` events from `first` on, or among them; `sentence` goes on from "Event 12 …". */
  events(kind: string, sentence: string, first: number, count = 1, weight: Weight = 'fault'): void {
    const known = this.#events.get(kind);
    if (!known) this.#events.set(kind, { weight, first, count, sentence });
    else {
      known.first = Math.min(known.first, first);
      known.count += count;
    }
  }

  /** Something with a sentence of its own. */
  add(finding: Finding): void {
    const same = this.#single.filter(({ kind }) => kind === finding.kind).length;
    if (same < MOST_OF_A_KIND) this.#single.push(finding);
    else this.#suppressed.set(finding.kind, (this.#suppressed.get(finding.kind) ?? 0) + 1);
  }

  /** Those that concern events first, in the order of the log. */
  list(weight: Weight): Finding[] {
    const ofEvents = [...this.#events].map(([kind, { weight: its, first, count, sentence }]): Finding => {
      const more = count > 1 ? ` It is the first of ${count} such events.` : '';
      return { weight: its, kind, first, count, what: `Event ${first} ${sentence}.${more}` };
    });
    const single = this.#single.map((finding) => {
      const more = this.#suppressed.get(finding.kind) ?? 0;
      return more > 0 && this.#single.findLast(({ kind }) => kind === finding.kind) === finding
        ? { ...finding, count: finding.count + more, what: `${finding.what} And ${more} more of this kind.` }
        : finding;
    });
    const rank = ({ first }: Finding) => first ?? Number.POSITIVE_INFINITY;
    return [...ofEvents, ...single]
      .filter((finding) => finding.weight === weight)
      .sort((a, b) => rank(a) - rank(b) || a.kind.localeCompare(b.kind, 'en'));
  }
}
