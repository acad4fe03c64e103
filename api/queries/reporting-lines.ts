// Who reports to whom, and when: read from the log once, and then only what is new.
import { z } from 'zod';
import { parseInstant } from '../../ingest/clock.ts';
import type { Questioned } from '../../ingest/erasure/emptied-first.ts';
import { NO_ID, STAGE } from './context.ts';

/** Of more people than this no statement can be told whom it may read. */
const MOST_PEOPLE = 10_000;

/** More people report to whoever asks than a scope can hold. */
export class TeamTooLargeError extends Error {
  override name = 'TeamTooLargeError';

  constructor() {
    super(
      `More than ${MOST_PEOPLE.toLocaleString('en')} people report to whoever asks: a role that sees everybody is needed, such as auditor.`,
    );
  }
}

/** From an instant on, before another; microseconds. */
export interface Interval {
  from: number;
  to: number;
}

interface Report extends Interval {
  person: string;
}

export const ALWAYS: Interval = { from: -Infinity, to: Infinity };

interface LineChange {
  at: number;
  sequence: number;
  person: string;
  /** Undefined: to nobody. */
  manager: string | undefined;
  /** The run that made the person; before it nobody has seen anything of them. */
  begins: number | undefined;
  run: number;
}

const lineRow = z.object({
  sequence: z.number(),
  occurred_at: z.string(),
  person: z.string(),
  run: z.number(),
  is_projection: z.number(),
  managers: z.array(z.string()),
});

/** As far as the log has been read for it. */
export class ReportingLines {
  readonly #attribute: string;
  readonly #changes: LineChange[] = [];
  #upTo = 0;
  #reading: Promise<void> = Promise.resolve();
  #reports: { upTo: number; byManager: ReadonlyMap<string, readonly Report[]> } | undefined;

  /** `attribute`: the reference of a person to whom they report to. */
  constructor(attribute: string) {
    this.#attribute = attribute;
  }

  /** By manager who reported to them directly, and when, by all events below the watermark. */
  async reports(clickhouse: Questioned, watermark: number): Promise<ReadonlyMap<string, readonly Report[]>> {
    this.#reading = this.#reading.catch(() => undefined).then(() => this.#readUpTo(clickhouse, watermark));
    await this.#reading;
    if (this.#reports?.upTo !== this.#upTo) this.#reports = { upTo: this.#upTo, byManager: reportsOf(this.#changes) };
    return this.#reports.byManager;
  }

  async #readUpTo(clickhouse: Questioned, watermark: number): Promise<void> {
    if (watermark <= this.#upTo) return;
    const rows = await clickhouse.select(
      `SELECT sequence, occurred_at, object AS person, run, ${STAGE} = 'projection' AS is_projection,
              arrayMap(v -> if(v.2 = 'remove', '', toString(v.3)),
                arrayFilter(v -> v.1 = {attribute:String}, arrayZip(value.attribute, value.operation, value.reference))) AS managers
       FROM events
       WHERE sequence >= {from:UInt64} AND sequence < {watermark:UInt64} AND object != toUUID('${NO_ID}')
         AND outcome != 'skipped-not-precedent'
         AND (${STAGE} = 'projection' OR (${STAGE} IN ('import-flow', 'recall') AND has(value.attribute, {attribute:String})))
       ORDER BY sequence`,
      { attribute: this.#attribute, from: this.#upTo, watermark },
      lineRow,
      { timeLimit: 60 },
    );
    for (const row of rows) this.#changes.push(...changesOf(row));
    this.#upTo = watermark;
  }
}

function changesOf(row: z.infer<typeof lineRow>): LineChange[] {
  const { sequence, person, run } = row;
  const change = { at: parseInstant(row.occurred_at) ?? 0, sequence, person, run };
  if (row.is_projection === 1) return [{ ...change, manager: undefined, begins: run }];
  const manager = row.managers.at(-1);
  if (manager === undefined) return [];
  return [{ ...change, manager: manager === '' || manager === NO_ID ? undefined : manager, begins: undefined }];
}

function reportsOf(changes: readonly LineChange[]): Map<string, Report[]> {
  const byPerson = Map.groupBy(changes, ({ person }) => person);
  const byManager = new Map<string, Report[]>();
  for (const [person, its] of byPerson)
    for (const { manager, from, to } of intervalsOf(its)) {
      const reports = byManager.get(manager) ?? [];
      reports.push({ person, from, to });
      byManager.set(manager, reports);
    }
  return byManager;
}

/** A manager who was set by the run that made the person has seen them from their beginning on. */
function intervalsOf(changes: LineChange[]): (Interval & { manager: string })[] {
  const ordered = changes.sort((a, b) => a.at - b.at || a.sequence - b.sequence);
  const intervals: (Interval & { manager: string })[] = [];
  let current: (Interval & { manager: string }) | undefined;
  let madeBy: number | undefined;
  for (const { at, manager, begins, run } of ordered) {
    if (begins !== undefined) {
      madeBy = begins;
      continue;
    }
    if (manager === current?.manager) continue;
    if (current) intervals.push({ ...current, to: at });
    current = manager === undefined ? undefined : { manager, from: run === madeBy ? -Infinity : at, to: Infinity };
    madeBy = undefined;
  }
  if (current) intervals.push(current);
  return intervals.filter(({ from, to }) => from < to);
}

/** Everybody below a manager, directly and through others, and when; somebody who is their own manager's manager ends there. */
export function everybodyBelow(
  manager: string,
  reports: ReadonlyMap<string, readonly Report[]>,
): Map<string, Interval[]> {
  const found = new Map<string, Interval[]>();
  const open = [{ boss: manager, during: ALWAYS }];
  for (let next = open.pop(); next; next = open.pop()) {
    for (const { person, ...interval } of reports.get(next.boss) ?? []) {
      const during = { from: Math.max(interval.from, next.during.from), to: Math.min(interval.to, next.during.to) };
      const known = found.get(person) ?? [];
      const isNew = during.from < during.to && !known.some(({ from, to }) => from <= during.from && to >= during.to);
      if (!isNew || person === manager) continue;
      found.set(person, [...known, during]);
      if (found.size > MOST_PEOPLE) throw new TeamTooLargeError();
      open.push({ boss: person, during });
    }
  }
  return found;
}
