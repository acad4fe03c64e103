// Objects that a CSV file does not list but names: a department for each distinct value of a person's column, with
// the persons as its members. A row that could not be read must not take a member or the last trace of such an object
// away, so whatever it may have carried is refused instead of staged, and keeps the state it had.
import type { ConnectorObjectType, ImportedEntry, RefusedEntry } from '../connector.ts';
import type { CsvRow } from './csv-table.ts';

/** What one row tells about the object that it describes. */
export interface RowOutcome {
  row: CsvRow;
  /** The attributes that could be read. */
  attributes: Record<string, string[]>;
  /** The object this row is a member as; undefined: it is none, for the reason in `error`. */
  member?: string;
  error?: string;
  /** The row has not the header's length: which field stands in which column is not known. */
  unreadable?: boolean;
}

export interface DerivedType {
  type: ConnectorObjectType;
  object: string;
  attribute: string;
  member: string;
  separator: string | undefined;
}

interface Group {
  line: number;
  members: Set<string>;
}

/** One entry for each distinct value, in the order of their first rows; a refusal for each that is in doubt. */
export function deriveObjects(
  derived: DerivedType,
  outcomes: readonly RowOutcome[],
  file: string,
): { entries: ImportedEntry[]; refused: RefusedEntry[] } {
  const groups = collectGroups(derived, outcomes);
  const doubts = collectDoubts(derived, outcomes, groups);
  const entries: ImportedEntry[] = [];
  const refused: RefusedEntry[] = [...refuseUnnamed(derived, outcomes, groups, file)];
  for (const [value, group] of groups) {
    const doubt = doubts.get(value);
    if (doubt === undefined) entries.push(toEntry(derived, value, group));
    else refused.push(toRefusal(derived, value, doubt, file));
  }
  for (const [value, doubt] of doubts) {
    if (!groups.has(value)) refused.push(toRefusal(derived, value, doubt, file));
  }
  return { entries, refused };
}

function collectGroups(derived: DerivedType, outcomes: readonly RowOutcome[]): Map<string, Group> {
  const groups = new Map<string, Group>();
  for (const { row, attributes, member } of outcomes) {
    if (member === undefined) continue;
    for (const value of attributes[derived.attribute] ?? []) {
      const group = groups.get(value) ?? { line: row.line, members: new Set() };
      groups.set(value, group.members.add(member) && group);
    }
  }
  return groups;
}

/** Values that a refused row carries, with that row; of an unreadable row any field may be the value. */
function collectDoubts(
  derived: DerivedType,
  outcomes: readonly RowOutcome[],
  groups: ReadonlyMap<string, Group>,
): Map<string, RowOutcome> {
  const doubts = new Map<string, RowOutcome>();
  for (const outcome of outcomes) {
    if (outcome.member !== undefined) continue;
    const values = outcome.unreadable
      ? splitFields(derived, outcome.row).filter((value) => groups.has(value))
      : (outcome.attributes[derived.attribute] ?? []).filter((value) => !groups.has(value));
    for (const value of values) if (!doubts.has(value)) doubts.set(value, outcome);
  }
  return doubts;
}

/** An unreadable row that names no known object may be the only one of an object not known: that is said, unnamed. */
function refuseUnnamed(
  derived: DerivedType,
  outcomes: readonly RowOutcome[],
  groups: ReadonlyMap<string, Group>,
  file: string,
): RefusedEntry[] {
  return outcomes
    .filter((outcome) => outcome.unreadable && !splitFields(derived, outcome.row).some((value) => groups.has(value)))
    .map(({ row }) => ({
      error: 'parse-error',
      message: `${file}, line ${row.line}, has not the fields of its header, so which ${derived.type.name} it names is not known: mend that line.`,
      type: derived.type.name,
      place: `line ${row.line}`,
    }));
}

function splitFields(derived: DerivedType, row: CsvRow): string[] {
  const { separator } = derived;
  if (separator === undefined) return row.fields;
  return row.fields.flatMap((field) => field.split(separator)).map((value) => value.trim());
}

function toEntry(derived: DerivedType, value: string, group: Group): ImportedEntry {
  const attributes: Record<string, string[]> = { [derived.type.anchor]: [value] };
  attributes[derived.member] = [...group.members];
  return { type: derived.type.name, anchor: value, attributes, place: `line ${group.line}` };
}

function toRefusal(derived: DerivedType, value: string, doubt: RowOutcome, file: string): RefusedEntry {
  const { line } = doubt.row;
  return {
    error: doubt.error ?? 'parse-error',
    message: `${file}, line ${line}, was refused, and the ${derived.type.name} "${value}" cannot be told without it: mend that line.`,
    anchor: value,
    type: derived.type.name,
    place: `line ${line}`,
  };
}
