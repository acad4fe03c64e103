// Erasure of a person. Once the erasure event is accepted their keys are gone and nothing about them can be had back;
// what ClickHouse still holds is emptied after that, for several requests at once, and resumed until it is done.
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClickHouse } from '../clickhouse/connect.ts';
import type { Shipper } from '../clickhouse/shipper.ts';
import { type Micros, systemClock } from '../clock.ts';
import { LogError } from '../errors.ts';
import type { EventValue, ProposedEvent } from '../event.ts';
import type { Journal } from '../journal/journal.ts';
import type { StateChange } from '../journal/messages.ts';
import { finishExpiry, isExpiryUnfinished } from '../retention/expire.ts';
import { type Hold, holdsOn, listHolds } from '../retention/holds.ts';
import { expiredOf } from '../retention/tombstones.ts';
import { Turns } from '../turns.ts';
import { type Certificate, type CertificateOptions, issueCertificate } from './certificate.ts';
import { ErasureReader } from './journal-reader.ts';
import { readQuestionsBefore } from './keyed-rows.ts';
import { refuseMissingOwnerRights } from './owner-rights.ts';
import { computeErased, type ErasurePlan, type ErasureRequest, planErasure } from './plan.ts';
import { emptySetAside, findSetAside, type SetAsideRow } from './set-aside.ts';
import { SetAsideWork } from './set-aside-work.ts';
import { type OnStep, settleInClickHouse } from './settle.ts';
import { type Sought, soughtOf, withNames } from './sought.ts';

/** A mutation rewrites columns of every part that holds one of the events: requests of an hour share one. */
const GATHER_MS = 60 * 60_000;
/** As many requests as this do not wait any longer. */
const GATHER_ERASURES = 20;
/** How often it is looked whether something waits. */
const LOOK_MS = 60_000;
/** Keys that one event names. */
const READS_AT_ONCE = 1000;
/** A service that starts has more urgent things to do. */
const FIRST_LOOK_MS = 10_000;
/** Events about the person that come between the look and the erasure make it begin anew, so often at most. */
const ATTEMPTS = 5;

export interface Reason {
  /** Who asks for it. */
  who: string;
  /** Who carries it out. */
  by: string;
  /** Why, in words that hold nothing personal: they stay for good. */
  why: string;
}

/** What the engine's state has of a person; throws when they may not be erased. */
export type CheckState = (plan: ErasurePlan) => { removals: StateChange[]; remains: string[] };

export interface Erased {
  /** The sequence of the erasure event. */
  event: number;
  plan: ErasurePlan;
}

export class Eraser {
  readonly reader: ErasureReader;
  /** Of backups and certificates: one that ended after a certificate, and began before the erasure, would not stand in it. */
  readonly copying = new Turns();
  /** By erasure event, what is searched for before a certificate is issued: in memory only, and gone with the process. */
  readonly #contents = new Map<number, Sought>();
  readonly #journal: Journal;
  readonly #clickhouse: ClickHouse;
  readonly #shipper: Shipper;
  readonly #setAside: SetAsideWork;
  readonly #stopped = new AbortController();
  #loop: Promise<void> | undefined;
  /** They fill and empty tables of ClickHouse, and set for how long old parts stay. */
  readonly #settling = new Turns();
  #problem: LogError | undefined;

  constructor(journal: Journal, clickhouse: ClickHouse, shipper: Shipper) {
    this.#journal = journal;
    this.#clickhouse = clickhouse;
    this.#shipper = shipper;
    this.reader = new ErasureReader(journal.folder);
    this.#setAside = new SetAsideWork(journal, this.reader);
  }

  /** What stands in the way of settling, if anything. */
  get problem(): LogError | undefined {
    return this.#problem;
  }

  /**
   * What an erasure would do; nothing is done. Waits until everything accepted is delivered. Throws LogError: nothing is
   * known of the object, ClickHouse is away, or what `check` throws.
   */
  async plan(request: ErasureRequest, check: CheckState): Promise<ErasurePlan> {
    const { plan, remains } = await this.#look(request, check);
    return { ...plan, remains: [...plan.remains, ...remains] };
  }

  async #look(request: ErasureRequest, check: CheckState) {
    const size = this.#journal.size;
    await this.#shipper.deliveredSoon(size);
    const sources = { clickhouse: this.#clickhouse, reader: this.reader, size };
    const plan = await planErasure(sources, request);
    return { sources, plan, ...check(plan) };
  }

  /** Accepts the erasure: from then on the keys are gone. Throws LogError as `plan` does, and when it cannot be accepted. */
  async erase(request: ErasureRequest, reason: Reason, check: CheckState): Promise<Erased> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#eraseOnce(request, reason, check);
      } catch (error) {
        if (!(error instanceof LogError && error.code === 'erasure-outdated') || attempt === ATTEMPTS) throw error;
      }
    }
  }

  async #eraseOnce(request: ErasureRequest, reason: Reason, check: CheckState): Promise<Erased> {
    const { sources, plan, removals, remains } = await this.#look(request, check);
    await refuseMissingOwnerRights(this.#clickhouse);
    const events = await computeErased(sources, plan.keyNumbers);
    const setAside = await this.#findSetAside(plan);
    const keys = plan.keyNumbers.flatMap((number) => this.reader.bytesOf(number) ?? []);
    const { first: event } = await this.#journal.accept(() => {
      refuseHeld(holdsOn(this.#journal, plan.objects));
      return {
        events: [
          { ...erasureEvent('person-erased', plan, reason, request.object, setAside.length), object: request.object },
        ],
        state: removals,
        erase: { keys: plan.keyNumbers, events, planned: plan.size },
      };
    });
    this.#contents.set(event, soughtOf(plan, keys));
    return { event, plan: { ...plan, remains: [...plan.remains, ...remains] } };
  }

  /** Written down before the erasure is accepted: afterwards nobody knows any more what was theirs. */
  async #findSetAside(plan: ErasurePlan): Promise<SetAsideRow[]> {
    const isTheirs = (text: string) => !plan.shared.has(text);
    const rows = await findSetAside(this.#clickhouse, {
      objects: plan.objects,
      entries: plan.ownEntries,
      actors: plan.actors,
      texts: [...plan.texts].filter(isTheirs),
      names: [...plan.names].filter(isTheirs),
    });
    const [key] = plan.keyNumbers;
    if (rows.length > 0 && key !== undefined) await this.#setAside.add({ key, rows });
    return rows;
  }

  /** The questions asked before an instant whose texts are still there, by the numbers of their keys. */
  async findReads(before: Micros): Promise<{ keys: number[]; size: number }> {
    const size = this.#journal.size;
    await this.#shipper.deliveredSoon(size);
    const sequences = await readQuestionsBefore(this.#clickhouse, before, size);
    return { keys: sequences.flatMap((sequence) => this.reader.keyOf(`read:${sequence}`)?.number ?? []), size };
  }

  /** Erases what was typed into questions before an instant. Returns how many there were. Throws LogError. */
  async eraseReads(before: Micros, reason: Reason): Promise<number> {
    const { keys, size } = await this.findReads(before);
    const sources = { clickhouse: this.#clickhouse, reader: this.reader, size };
    for (let from = 0; from < keys.length; from += READS_AT_ONCE) {
      const part = keys.slice(from, from + READS_AT_ONCE);
      const events = await computeErased(sources, part);
      await this.#journal.accept(() => {
        refuseHeld(listHolds(this.#journal));
        return {
          events: [erasureEvent('reads-expired', { keyNumbers: part, events: events.length, objects: [] }, reason)],
          state: [],
          erase: { keys: part, events, planned: size },
        };
      });
    }
    return keys.length;
  }

  /**
   * Settles what waits, and issues the certificate of an erasure. Throws LogError certificate-refused: there is no such
   * erasure, or something is left, and where.
   */
  certify(erasure: number, options: CertificateOptions): Promise<Certificate> {
    return this.copying.run(() => this.#settling.run(() => this.#certifyOnce(erasure, options)));
  }

  async #certifyOnce(erasure: number, options: CertificateOptions): Promise<Certificate> {
    const keys = this.reader.keysErasedBy(erasure);
    if (!keys) throw new LogError('certificate-refused', `Event ${erasure} is no erasure.`);
    const known = this.#contents.get(erasure);
    const sought = withNames(known, options.names ?? []);
    if (!sought || (!known && sought.names.length + sought.words.length === 0))
      throw new LogError(
        'certificate-refused',
        `What was erased by event ${erasure} is known no more, and cannot be looked for: the program was started anew since, or a certificate was issued before. Say what the person was called (metatrail erase --name), with a name of three letters or more.`,
      );
    await this.#settleOnce();
    // What stands in an event by now is no longer theirs alone: also in one of a moment ago, such as a refusal of this.
    await this.#shipper.deliveredSoon(this.#journal.size);
    const settled = { erasure, keys, sought, isKnown: known !== undefined };
    const certificate = await issueCertificate(this.#journal, this.#clickhouse, settled, options);
    this.#contents.delete(erasure);
    return certificate;
  }

  /** Starts settling what waits: after a while, or when there is enough of it. */
  start(): void {
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    if (this.#stopped.signal.aborted) return;
    this.#stopped.abort();
    await this.#loop;
    await this.copying.over();
    await this.#settling.over();
    this.reader.close();
  }

  async #run(): Promise<void> {
    await this.#pause(FIRST_LOOK_MS);
    while (!this.#stopped.signal.aborted) {
      try {
        await this.#finishExpiry();
        await this.settleWhenDue();
      } catch (error) {
        this.#problem = asLogError(error);
      }
      await this.#pause(LOOK_MS);
    }
  }

  /** Ends early when the service stops. */
  async #pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.#stopped.signal }).catch(() => undefined);
  }

  /** What a service that died in the middle of an expiry left to be done. */
  async #finishExpiry(): Promise<void> {
    const sources = { journal: this.#journal, clickhouse: this.#clickhouse, shipper: this.#shipper };
    if (this.#shipper.shipped < this.#journal.size || !expiredOf(this.#journal)) return;
    if (await isExpiryUnfinished(sources)) await finishExpiry(sources);
  }

  /** Settles what waits when it is enough, or has waited long enough at this instant. Throws LogError as `settle` does. */
  async settleWhenDue(now: Micros = systemClock()): Promise<void> {
    const { erasures, since } = this.reader.waiting();
    const isDue = erasures >= GATHER_ERASURES || (erasures > 0 && now - since >= GATHER_MS * 1000);
    if (isDue) await this.settle();
  }

  /** Makes ClickHouse agree with everything that is erased, now. Throws LogError; what is left is done later. */
  settle(onStep?: OnStep): Promise<void> {
    return this.#settling.run(() => this.#settleOnce(onStep));
  }

  async #settleOnce(onStep?: OnStep): Promise<void> {
    await this.#setAside.finish((rows) => emptySetAside(this.#clickhouse, rows));
    const { events, version } = this.reader.unsettled();
    const last = events.at(-1);
    if (!last) return;
    await this.#shipper.deliveredSoon(last.sequence + 1);
    const below = expiredOf(this.#journal)?.below ?? 0;
    await settleInClickHouse(this.#clickhouse, events, { below, onStep });
    await this.#journal.workOnErasure({ kind: 'settled', version });
    this.#problem = undefined;
  }
}

function asLogError(error: unknown): LogError {
  if (error instanceof LogError) return error;
  return new LogError('clickhouse-refused', 'An erasure could not be settled in ClickHouse.', { cause: error });
}

function erasureEvent(
  outcome: string,
  plan: Pick<ErasurePlan, 'keyNumbers' | 'events' | 'objects'>,
  { who, by, why }: Reason,
  object?: string,
  setAside = 0,
): ProposedEvent {
  const value = (attribute: string, type: EventValue['type'], text: string): EventValue => ({
    attribute,
    type,
    operation: 'add',
    new: text,
    marks: 0,
  });
  return {
    occurredAt: systemClock(),
    occurredAtKnown: 'observed',
    stage: 'erasure',
    operation: 'delete',
    outcome,
    values: [
      value('reason', 'string', why),
      value('events', 'integer', String(plan.events)),
      ...(setAside > 0 ? [value('set-aside', 'integer', String(setAside))] : []),
      ...plan.objects.filter((id) => id !== object).map((id) => value('object', 'string', id)),
      ...plan.keyNumbers.map(
        (number): EventValue => ({
          attribute: 'key',
          type: 'integer',
          operation: 'remove',
          old: String(number),
          marks: 0,
        }),
      ),
    ],
    initiator: who,
    initiatorKnown: 'reported',
    performer: by,
    causes: [],
    outOfBand: false,
  };
}

/** Who asked found no hold; one that began since then was not looked at. Throws LogError erasure-outdated. */
function refuseHeld([hold]: readonly Hold[]): void {
  if (hold) throw new LogError('erasure-outdated', `The legal hold ${hold.event} began while this was prepared.`);
}
