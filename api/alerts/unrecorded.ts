// What is found when the log accepts nothing any more, because ClickHouse contradicts it: it has to be told all the same. To
// whom it was told is a fact of the journal's file, which is no event, so that a restart tells nobody again; the events are
// made up for when the log accepts again.
import { z } from 'zod';
import type { Clock } from '../../ingest/clock.ts';
import type { Journal } from '../../ingest/journal/journal.ts';
import type { Changes, Found, Occurrence, Occurrences, Telling } from './occurrences.ts';
import type { Alert } from './settings.ts';

const FACT = 'alert-unrecorded';
/** What has no event yet, in the place of its number. */
const NO_EVENT = -1;

const factShape = z.object({ alert: z.string(), cause: z.string(), since: z.number(), told: z.array(z.string()) });
type Fact = z.infer<typeof factShape>;

export class Unrecorded {
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #occurrences = new Map<string, Occurrence>();

  constructor(journal: Journal, clock: Clock) {
    this.#journal = journal;
    this.#clock = clock;
  }

  /** Whether it is told without an event now. */
  holds(alert: string): boolean {
    return this.#occurrences.has(alert);
  }

  /** It is to be told by whoever was not told before. */
  async add(alert: Alert, { cause, count, since }: Found, tellings: readonly Telling[]): Promise<void> {
    const facts = this.#facts();
    const known = facts.find((fact) => fact.alert === alert.name && fact.cause === cause);
    const fact = known ?? { alert: alert.name, cause, since, told: [] };
    if (!known) await this.#keep([...facts.filter((each) => each.alert !== alert.name), fact]);
    this.#occurrences.set(alert.name, {
      event: NO_EVENT,
      root: NO_EVENT,
      alert: alert.name,
      kind: alert.kind,
      severity: alert.severity,
      cause,
      count,
      since: fact.since,
      raisedAt: this.#clock(),
      told: tellings.filter(({ destination }) => !fact.told.includes(destination)),
    });
  }

  untold(destination: string): Occurrence[] {
    return [...this.#occurrences.values()].filter(({ told }) => told.some((each) => each.destination === destination));
  }

  async settle({ alert }: Occurrence, destination: string): Promise<void> {
    const occurrence = this.#occurrences.get(alert);
    if (occurrence)
      this.#occurrences.set(alert, {
        ...occurrence,
        told: occurrence.told.filter((each) => each.destination !== destination),
      });
    const facts = this.#facts();
    await this.#keep(
      facts.map((fact) => (fact.alert === alert ? { ...fact, told: [...fact.told, destination] } : fact)),
    );
  }

  /** Makes up the events of what was told without. Throws LogError as long as nothing is accepted. */
  async record(alert: Alert, occurrences: Occurrences, tellings: readonly Telling[]): Promise<void> {
    const fact = this.#facts().find((each) => each.alert === alert.name);
    if (!fact) return;
    const { cause, since, told } = fact;
    await this.#journal.acceptFirst((base) => {
      const changes: Changes = { events: [], state: [] };
      const occurrence = occurrences.raise(changes, base, alert, { cause, count: 1, since }, tellings);
      occurrences.noteTold(changes, base + 1, occurrence, told);
      return changes;
    });
    this.#occurrences.delete(alert.name);
    await this.#keep(this.#facts().filter((each) => each.alert !== alert.name));
  }

  #facts(): Fact[] {
    return z.array(factShape).parse(JSON.parse(this.#journal.fact(FACT) ?? '[]'));
  }

  #keep(facts: readonly Fact[]): Promise<void> {
    return this.#journal.setFact(FACT, JSON.stringify(facts));
  }
}
