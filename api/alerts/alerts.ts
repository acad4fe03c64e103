// The alerts of an installation: watched as changes are delivered and by the clock, told by a courier for each destination.
import { type Clock, type Micros, systemClock } from '../../ingest/clock.ts';
import { asLogError, LogError } from '../../ingest/errors.ts';
import type { ChangeLog } from '../../ingest/log.ts';
import type { Report } from '../../ingest/verify/report.ts';
import type { Access } from '../access/access.ts';
import type { Reason } from '../access/access-event.ts';
import type { RequestContext } from '../graphql/context.ts';
import { PACE, type Pace } from '../outgoing/pace.ts';
import { Courier } from './courier.ts';
import type { Destination } from './destination.ts';
import { makeMessage } from './message.ts';
import { type Occurrence, Occurrences, type Telling } from './occurrences.ts';
import type { Alert } from './settings.ts';
import { Unrecorded } from './unrecorded.ts';
import { accessOf, type Watch } from './watch.ts';
import { ChangesWatch } from './watch-changes.ts';
import { lookAtLeavers } from './watch-leavers.ts';
import { findInLog, noteCheck, noteInLog } from './watch-log.ts';

/** Deliveries come by the dozen a second; whoever is told by mail does not mind a second. */
const GATHER_MS = 1000;
const MINUTE_MS = 60_000;
/** It takes all comings and goings there ever were, and hours count. */
const LEAVERS_EVERY: Micros = 5 * 60_000_000;

export interface AlertParts {
  log: ChangeLog;
  alerts: readonly Alert[];
  destinations: readonly Destination[];
  /** What somebody may see, up to now. */
  context: (access: Access) => RequestContext;
  clock?: Clock;
  pace?: Pace;
  /** What is delivered is gathered so long, milliseconds; a second unless given. */
  gatherMs?: number;
}

/** Of what is watched, and of what was watched once. */
export interface AlertState {
  name: string;
  /** What it is now; undefined: it is not watched any more. */
  alert: Alert | undefined;
  occurrences: Occurrence[];
}

export class Alerts {
  readonly #parts: AlertParts;
  readonly #clock: Clock;
  readonly #occurrences: Occurrences;
  readonly #unrecorded: Unrecorded;
  readonly #watch: Watch;
  readonly #changes: readonly ChangesWatch[];
  readonly #couriers: readonly Courier[];
  readonly #closing = new AbortController();
  readonly #listeners = new Set<(sentence: string) => void>();
  #address = new URL('http://localhost/');
  #stopListening: () => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;
  #minutes: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #hasBegun = false;
  #leaversAt = 0;

  constructor(parts: AlertParts) {
    const { log, clock = systemClock, destinations, context, pace = PACE } = parts;
    this.#parts = parts;
    this.#clock = clock;
    this.#occurrences = new Occurrences(log.journal, clock);
    this.#unrecorded = new Unrecorded(log.journal, clock);
    const look = (alert: Alert) => context(accessOf(alert));
    const tellingsOf = (alert: Alert) => this.#tellingsOf(alert);
    this.#watch = { log, clock, occurrences: this.#occurrences, look, tellingsOf };
    this.#changes = parts.alerts.flatMap((alert) =>
      alert.kind === 'changes' ? [new ChangesWatch(alert, this.#watch)] : [],
    );
    this.#couriers = destinations.map((each) => this.#courierTo(each, pace));
  }

  /** Begins to watch and to tell. `address`: where people reach the service. */
  start(address: URL): void {
    if (this.#parts.alerts.length === 0) return;
    this.#address = address;
    this.#stopListening = this.#parts.log.shipper.onDelivered(() => this.#lookSoon());
    this.#minutes = setInterval(() => void this.look(), MINUTE_MS);
    this.#minutes.unref();
    for (const courier of this.#couriers) courier.start();
    void this.look();
  }

  /** Calls back with a sentence when somebody could not be told, or it cannot be looked. */
  onFailed(listener: (sentence: string) => void): void {
    this.#listeners.add(listener);
  }

  /** Looks once at everything; one at a time. Never rejects. */
  look(): Promise<void> {
    this.#looking = this.#looking.then(() => this.#lookAtAll());
    return this.#looking;
  }

  /** All alerts in the order of their file, then those that are watched no more, with their occurrences, the newest first. */
  list(): AlertState[] {
    const { alerts } = this.#parts;
    const watched = alerts.map((alert) => ({ name: alert.name, alert }));
    const others = this.#occurrences.names().filter((name) => !alerts.some((alert) => alert.name === name));
    return [...watched, ...others.map((name) => ({ name, alert: undefined }))].map((each) => ({
      ...each,
      occurrences: this.#occurrences.of(each.name),
    }));
  }

  /** Occurrences that are not over, by alert. */
  countOpen(): ReadonlyMap<string, number> {
    return new Map(
      this.#parts.alerts.map(({ name }) => [
        name,
        this.#occurrences.open(name).length + Number(this.#unrecorded.holds(name)),
      ]),
    );
  }

  /** Why the next message is not with a destination yet, in a sentence; undefined: it is, or it is not watched. */
  problemOf(destination: string): string | undefined {
    return this.#couriers.find((courier) => courier.destination.name === destination)?.problem;
  }

  /** Throws AcknowledgementError, and LogError when it cannot be accepted. */
  acknowledge(occurrence: number, reason: Reason): Promise<Occurrence> {
    return this.#occurrences.acknowledge(occurrence, reason);
  }

  /** What a check of the log came to. */
  async noteCheck(report: Report): Promise<void> {
    if (!this.#parts.alerts.some(({ kind }) => kind === 'verification-failed')) return;
    await noteCheck(this.#parts.log, report, this.#clock()).catch((error: unknown) => this.#fail(error));
    await this.look();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#stopListening();
    clearTimeout(this.#timer);
    clearInterval(this.#minutes);
    await this.#looking;
    await Promise.all(this.#couriers.map((courier) => courier.stop()));
  }

  #courierTo(destination: Destination, pace: Pace): Courier {
    const { name } = destination;
    const { log } = this.#parts;
    const errands = {
      untold: () => [...this.#unrecorded.untold(name), ...this.#occurrences.untold(name)],
      message: (occurrence: Occurrence) =>
        makeMessage({
          occurrence,
          destination: name,
          log: log.journal.log,
          alert: this.#parts.alerts.find((alert) => alert.name === occurrence.alert),
          address: this.#address,
          look: this.#watch.look,
        }),
      settle: (occurrence: Occurrence, attempts: number, failure?: string) =>
        occurrence.event < 0
          ? this.#unrecorded.settle(occurrence, name)
          : this.#occurrences.settle(occurrence.event, name, attempts, failure),
      onFailed: (sentence: string) => this.#say(sentence),
      clock: this.#clock,
    };
    return new Courier(destination, errands, pace);
  }

  #tellingsOf({ tell }: Alert): Telling[] {
    return this.#parts.destinations
      .filter(({ name }) => tell.includes(name))
      .map(({ name, kind, host }) => ({ destination: name, kind, host }));
  }

  #lookSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.look();
    }, this.#parts.gatherMs ?? GATHER_MS);
  }

  async #lookAtAll(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    await this.#attempt(() => this.#begin());
    for (const changes of this.#hasBegun ? this.#changes : [])
      await this.#attempt(() => changes.look(this.#closing.signal));
    const now = this.#clock();
    const areLeaversDue = now - this.#leaversAt >= LEAVERS_EVERY;
    if (areLeaversDue) this.#leaversAt = now;
    for (const alert of this.#parts.alerts) {
      if (alert.kind === 'open-leaver' && areLeaversDue) await this.#attempt(() => lookAtLeavers(alert, this.#watch));
      if (alert.kind === 'log-lag' || alert.kind === 'verification-failed')
        await this.#attempt(() => this.#lookAtLog(alert));
    }
    for (const courier of this.#couriers) courier.notice();
  }

  /** New alerts note where they begin; what nobody is to be told any more is settled. */
  async #begin(): Promise<void> {
    if (this.#hasBegun) return;
    for (const changes of this.#changes) await changes.begin();
    const isThere = new Set(this.#parts.destinations.map(({ name }) => name));
    for (const { occurrences } of this.list())
      for (const { event, told } of occurrences)
        for (const { destination, at } of told)
          if (at === undefined && !isThere.has(destination))
            await this.#occurrences.settle(event, destination, 0, 'destination-removed');
    this.#hasBegun = true;
  }

  async #lookAtLog(alert: Alert<'log-lag' | 'verification-failed'>): Promise<void> {
    const found = findInLog(alert, this.#watch);
    try {
      await this.#unrecorded.record(alert, this.#occurrences, this.#tellingsOf(alert));
      await noteInLog(alert, found, this.#watch);
    } catch (error) {
      const isRefused = error instanceof LogError && error.code !== 'journal-closed';
      if (!isRefused || alert.kind !== 'verification-failed' || !found) throw error;
      if (!this.#unrecorded.holds(alert.name)) await this.#unrecorded.add(alert, found, this.#tellingsOf(alert));
    }
  }

  /** What cannot be looked at now is looked at the next time. */
  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (this.#closing.signal.aborted) return;
    this.#say(asLogError(error, 'Alerts cannot be looked for').message);
  }

  #say(sentence: string): void {
    for (const listener of this.#listeners) listener(sentence);
  }
}
