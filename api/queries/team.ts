// The people who report to a manager, directly and through others: all that a manager sees of the log. What happened is told
// where it happened to somebody who reported to them then; what held at an instant, of those who reported to them at that instant.
import { z } from 'zod';
import { formatMicros } from '../../ingest/clock.ts';
import type { Questioned } from '../../ingest/erasure/emptied-first.ts';
import { type ChangeEvent, MARKS } from '../../ingest/event.ts';
import { isOf, NO_ID } from './context.ts';
import { entriesLinkedTo, IS_LINK } from './links.ts';
import { ALWAYS, everybodyBelow, type Interval, type ReportingLines } from './reporting-lines.ts';
import type { Reference } from './results.ts';

/** Nobody in the log, or more than one, is who asks. */
export class UnknownManagerError extends Error {
  override name = 'UnknownManagerError';
}

interface Members {
  manager: string;
  during: ReadonlyMap<string, readonly Interval[]>;
  /** By person the entries that were linked to them first: what these were before is theirs. */
  entries: ReadonlyMap<string, readonly string[]>;
  /** The entries of the groups that they are or were in. */
  groups: readonly string[];
}

export interface TeamSources {
  /** The log without a limit. */
  whole: Questioned;
  lines: ReportingLines;
  /** The manager's object. Throws UnknownManagerError. */
  findManager: (whole: Questioned) => Promise<string>;
  personTypes: ReadonlySet<string>;
  watermark: number;
  /** Runs and configurations are seen as well: they name nobody. */
  withRuns: boolean;
}

/** The people whom one manager sees. */
export class Team {
  readonly #sources: TeamSources;
  #found: Promise<Members> | undefined;

  constructor(sources: TeamSources) {
    this.#sources = sources;
  }

  #members(): Promise<Members> {
    this.#found ??= this.#find();
    return this.#found;
  }

  async #find(): Promise<Members> {
    const { whole, lines, findManager, watermark } = this.#sources;
    const manager = await findManager(whole);
    const during = everybodyBelow(manager, await lines.reports(whole, watermark));
    const people = [...during.keys()];
    const [entries, groups] = await Promise.all([
      readEntries(whole, people, watermark),
      readGroups(whole, people, watermark),
    ]);
    return { manager, during, entries, groups };
  }

  /** What happened, as far as it may be told. */
  get eventful(): Questioned {
    return this.#scoped(({ during }) => groupsOf(during));
  }

  /** What held at an instant: all that led to it, of those who reported to the manager then. */
  asOf(at: number): Questioned {
    return this.#scoped(({ during }) => [peopleAt(during, at)]);
  }

  /** What tells who there is: all of those who report to the manager at this instant, beside what happened. */
  present(at: number): Questioned {
    return this.#scoped(({ during }) => [...groupsOf(during), peopleAt(during, at)]);
  }

  #scoped(groups: (members: Members) => Group[]): Questioned {
    const { whole, withRuns } = this.#sources;
    return {
      embedded: whole.embedded,
      select: async (sql, params, schema, options = {}) => {
        const members = await this.#members();
        return whole.select(sql, params, schema, {
          ...options,
          filters: filtersOf(groups(members), members, withRuns),
        });
      },
    };
  }

  /** For what things are called: groups have names that everybody may know, and people whom the manager does not see have none. */
  get whole(): Questioned {
    return this.#sources.whole;
  }

  async named(reference: Reference): Promise<Reference> {
    const { id, type } = reference;
    const { manager, during } = await this.#members();
    const isSeen = id !== undefined && (id === manager || during.has(id));
    const mayBePerson = type === undefined || this.#sources.personTypes.has(type);
    return isSeen || !mayBePerson ? reference : { ...reference, name: undefined };
  }

  /** Of what happened to a group, only the values that name people who are seen. */
  async trim(event: ChangeEvent): Promise<ChangeEvent> {
    const { during, entries } = await this.#members();
    if (OF_RUNS.includes(event.stage)) return event;
    if (
      event.object === undefined ? [...entries.values()].flat().includes(event.entry ?? '') : during.has(event.object)
    )
      return event;
    const kept = event.values
      .map((value, index) => ({ value, key: event.valueKeys[index] ?? 0 }))
      .filter(({ value }) => value.reference !== undefined && during.has(value.reference));
    return { ...event, values: kept.map(({ value }) => value), valueKeys: kept.map(({ key }) => key) };
  }
}

const entryRow = z.object({ first: z.string(), entry: z.string() });

/** The entries whose first link was to each of these people. */
async function readEntries(whole: Questioned, people: readonly string[], watermark: number) {
  const entries = new Map<string, string[]>();
  if (people.length === 0) return entries;
  const rows = await whole.select(
    `SELECT entry, argMin(object, (occurred_at, sequence)) AS first FROM events
     WHERE ${isOf('entry', `(${entriesLinkedTo(`(${listOf(people)})`)})`)} AND ${IS_LINK} AND sequence < {watermark:UInt64}
     GROUP BY entry HAVING first IN (${listOf(people)})`,
    { watermark },
    entryRow,
    { timeLimit: 60, filters: {} },
  );
  for (const { first, entry } of rows) entries.set(first, [...(entries.get(first) ?? []), entry]);
  return entries;
}

/** The entries of the groups that these people are or were in. */
async function readGroups(whole: Questioned, people: readonly string[], watermark: number): Promise<string[]> {
  if (people.length === 0) return [];
  const rows = await whole.select(
    `SELECT DISTINCT entry FROM entitlement_changes
     WHERE holder IN (${listOf(people)}) AND entitlement != toUUID('${NO_ID}') AND sequence < {watermark:UInt64}`,
    { watermark },
    z.object({ entry: z.string() }),
    { timeLimit: 60, filters: {} },
  );
  return rows.map(({ entry }) => entry);
}

interface Group extends Interval {
  people: string[];
}

const OF_RUNS = ['run', 'configuration'];

interface Group extends Interval {
  people: string[];
}

function peopleAt(during: Members['during'], at: number): Group {
  const then = [...during].filter(([, intervals]) => intervals.some(({ from, to }) => from <= at && at < to));
  return { ...ALWAYS, people: then.map(([person]) => person) };
}

/** People who are seen during the same time. */
function groupsOf(during: Members['during']): Group[] {
  const groups = new Map<string, Group>();
  for (const [person, intervals] of during)
    for (const { from, to } of intervals) {
      const group = groups.get(`${from}/${to}`) ?? { from, to, people: [] };
      group.people.push(person);
      groups.set(`${from}/${to}`, group);
    }
  return [...groups.values()];
}

/**
 * For each table the rows that may be read, as ClickHouse's `additional_table_filters` takes them: a condition on every reading
 * of the table in a statement, whatever the statement says. Nothing can be bound there; what is written is UUIDs and times of the log.
 */
function filtersOf(shown: readonly Group[], { entries, groups }: Members, withRuns: boolean): Record<string, string> {
  const told = shown.filter(({ people }) => people.length > 0);
  const entriesOf = ({ people }: Group) => people.flatMap((person) => entries.get(person) ?? []);
  const events = told.map((group) => {
    const isNamed = `arrayExists((r, m) -> bitAnd(m, ${MARKS.entitlement}) > 0 AND r IN (${listOf(group.people)}), value.reference, value.marks)`;
    const isTheirs = `object IN (${listOf(group.people)}) OR ${isNamed} OR ${isEntry(entriesOf(group), 'object')}`;
    return `((${isTheirs}) AND stage != 'read' AND ${timeOf(group)})`;
  });
  const changes = told.map(
    (group) => `((holder IN (${listOf(group.people)}) OR ${isEntry(entriesOf(group), 'holder')}) AND ${timeOf(group)})`,
  );
  // Whose the entry of a group is.
  if (groups.length > 0) events.push(`(entry IN (${listOf(groups)}) AND ${IS_LINK})`);
  if (withRuns) events.push(`stage IN (${OF_RUNS.map((stage) => `'${stage}'`).join(', ')})`);
  const anyOf = (conditions: string[]) => (conditions.length === 0 ? '0' : conditions.join(' OR '));
  return { events: anyOf(events), entitlement_changes: anyOf(changes) };
}

/** Before an entry was linked to anybody. */
function isEntry(entries: readonly string[], whose: 'object' | 'holder'): string {
  return entries.length === 0 ? '0' : `(entry IN (${listOf(entries)}) AND ${whose} = '${NO_ID}')`;
}

const UUID = /^[0-9a-f-]{36}$/;

function listOf(ids: readonly string[]): string {
  if (!ids.every((id) => UUID.test(id))) throw new Error('What should be the id of an object is none.');
  return ids.map((id) => `'${id}'`).join(',');
}

function timeOf({ from, to }: Interval): string {
  const instant = (at: number) => `toDateTime64('${formatMicros(at)}', 6, 'UTC')`;
  const conditions = [
    ...(from === -Infinity ? [] : [`occurred_at >= ${instant(from)}`]),
    ...(to === Infinity ? [] : [`occurred_at < ${instant(to)}`]),
  ];
  return conditions.length === 0 ? '1' : conditions.join(' AND ');
}
