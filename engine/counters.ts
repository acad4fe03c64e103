// The counters of a step, under MIM's names where MIM has one. Each event counts once under its stage, agent, object
// type and outcome, so that the log can be counted against them; what leaves no event (an unchanged entry) is counted here alone.
import type { ProposedEvent } from '../ingest/event.ts';

export interface Counter {
  stage: string;
  agent: string;
  objectType: string;
  name: string;
  count: number;
}

/** Import steps: read = unchanged + changed + refused; entries gone from a full image are counted apart. */
export interface Balance {
  read: number;
  unchanged: number;
  changed: number;
  refused: number;
  gone: number;
}

export class Counters {
  #counts = new Map<string, number>();
  /** Of each object type. */
  readonly balances = new Map<string, Balance>();
  #errorsRemain = false;

  add(event: ProposedEvent): void {
    this.count(event.stage, event.agent ?? '', event.objectType ?? '', event.outcome);
  }

  count(stage: string, agent: string, objectType: string, name: string): void {
    const key = JSON.stringify([stage, agent, objectType, name]);
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  balanceOf(objectType: string): Balance {
    const found = this.balances.get(objectType) ?? { read: 0, unchanged: 0, changed: 0, refused: 0, gone: 0 };
    this.balances.set(objectType, found);
    return found;
  }

  list(): Counter[] {
    return [...this.#counts].map(([key, count]) => {
      const [stage, agent, objectType, name] = JSON.parse(key) as [string, string, string, string];
      return { stage, agent, objectType, name, count };
    });
  }

  /** An error that an earlier step recorded is still there; it is no event again. */
  noteRemainingError(): void {
    this.#errorsRemain = true;
  }

  get errorsRemain(): boolean {
    return this.#errorsRemain;
  }

  mark(): () => void {
    const counts = new Map(this.#counts);
    const balances = new Map([...this.balances].map(([type, balance]) => [type, { ...balance }]));
    return () => {
      this.#counts = counts;
      this.balances.clear();
      for (const [type, balance] of balances) this.balances.set(type, balance);
    };
  }
}
