// Rows of a CSV file to entries. A row that cannot be staged is refused and the run goes on; wherever its anchor can
// be known it is told, because an object whose row is refused is still there.
import type { ConnectorAttribute, ConnectorObjectType, ImportedEntry, RefusedEntry } from '../connector.ts';
import { type DerivedType, deriveObjects, type RowOutcome } from './csv-derived.ts';
import { type CsvRow, type CsvTable, checkHeader } from './csv-table.ts';
import { readTypedValue, VALUE_ERRORS } from './typed-value.ts';

interface Column {
  attribute: ConnectorAttribute;
  index: number;
}

/** How rows become objects of one type. */
interface Reading {
  type: ConnectorObjectType;
  anchor: Column;
  columns: Column[];
  initiator: number | undefined;
  /** Anchor to the line on which it was first seen. */
  seen: Map<string, number>;
}

interface ReadRow extends RowOutcome {
  entry?: ImportedEntry;
  refused?: RefusedEntry;
}

interface Fault {
  error: string;
  message: string;
}

/** Throws ConnectorError when the header does not hold what the types need. */
export function readObjects(
  table: CsvTable,
  types: readonly ConnectorObjectType[],
  initiator: string | undefined,
): { entries: ImportedEntry[]; refused: RefusedEntry[] } {
  const listed = types.filter((type) => type.derived === undefined);
  const needed = listed.flatMap((type) => readAttributes(type).map((attribute) => attribute.column));
  checkHeader(table, initiator === undefined ? needed : [...needed, initiator]);
  const readings = listed.map((type) => planReading(type, table.header, initiator));
  const outcomes = new Map<string, ReadRow[]>(listed.map((type) => [type.name, []]));
  for (const row of table.rows) {
    for (const reading of readings) outcomes.get(reading.type.name)?.push(readRow(reading, row, table));
  }
  return gather(table, types, outcomes);
}

/** Checks what only a wrong configuration can break. Throws Error. */
export function planDerived(
  type: ConnectorObjectType,
  types: ReadonlyMap<string, ConnectorObjectType>,
): DerivedType | undefined {
  if (type.derived === undefined) return undefined;
  const { object, attribute, member } = type.derived;
  const from = types.get(object);
  const carried = from?.derived === undefined ? from?.attributes.get(attribute) : undefined;
  if (carried === undefined || carried.computed !== undefined) {
    throw new Error(`object type ${type.name} is derived from ${object}.${attribute}, which is not read from a column`);
  }
  return { type, object, attribute, member, separator: carried.multivalued ? carried.separator : undefined };
}

function gather(
  table: CsvTable,
  types: readonly ConnectorObjectType[],
  outcomes: ReadonlyMap<string, ReadRow[]>,
): { entries: ImportedEntry[]; refused: RefusedEntry[] } {
  const entries: ImportedEntry[] = [];
  const refused: RefusedEntry[] = [];
  for (let i = 0; i < table.rows.length; i += 1) {
    for (const rows of outcomes.values()) {
      const row = rows[i];
      if (row?.entry !== undefined) entries.push(row.entry);
      if (row?.refused !== undefined) refused.push(row.refused);
    }
  }
  const byName = new Map(types.map((type) => [type.name, type]));
  for (const type of types) {
    const derived = planDerived(type, byName);
    if (derived === undefined) continue;
    const objects = deriveObjects(derived, outcomes.get(derived.object) ?? [], table.file);
    for (const entry of objects.entries) entries.push(entry);
    for (const refusal of objects.refused) refused.push(refusal);
  }
  return { entries, refused };
}

function readAttributes(type: ConnectorObjectType): ConnectorAttribute[] {
  return [...type.attributes.values()].filter((attribute) => attribute.computed === undefined);
}

function planReading(type: ConnectorObjectType, header: readonly string[], initiator: string | undefined): Reading {
  const columns = readAttributes(type).map((attribute) => ({ attribute, index: header.indexOf(attribute.column) }));
  const anchor = columns.find(({ attribute }) => attribute.name === type.anchor);
  if (anchor === undefined) throw new Error(`the anchor of object type ${type.name} is not read from a column`);
  const initiatorIndex = initiator === undefined ? undefined : header.indexOf(initiator);
  return { type, anchor, columns, initiator: initiatorIndex, seen: new Map() };
}

function readRow(reading: Reading, row: CsvRow, table: CsvTable): ReadRow {
  const where = `${table.file}, line ${row.line}`;
  if (row.fields.length !== table.header.length) return refuseLength(reading, row, table);
  const { attributes, fault: valueFault } = readValues(reading, row, where);
  const anchor = readAnchor(reading, row);
  const anchorFault =
    anchor === undefined ? (valueFault ?? missingAnchor(reading, where)) : claimAnchor(reading, anchor, row, where);
  const fault = anchorFault ?? valueFault;
  if (fault !== undefined) {
    const refused = toRefusal(reading, row, fault, anchor);
    // A row refused for one value still says what its object is a member of, unless another row speaks for the object.
    const isMember = anchor !== undefined && anchorFault === undefined;
    return { row, attributes, refused, error: fault.error, ...(isMember && { member: anchor }) };
  }
  if (anchor === undefined) throw new Error('a row without an anchor has a fault');
  const initiator = reading.initiator === undefined ? '' : (row.fields[reading.initiator] ?? '');
  const entry: ImportedEntry = { type: reading.type.name, anchor, attributes, place: `line ${row.line}` };
  if (initiator !== '') entry.initiator = initiator;
  return { row, attributes, member: anchor, entry };
}

function readValues(
  reading: Reading,
  row: CsvRow,
  where: string,
): { attributes: Record<string, string[]>; fault: Fault | undefined } {
  const attributes: Record<string, string[]> = {};
  let fault: Fault | undefined;
  for (const { attribute, index } of reading.columns) {
    const field = row.fields[index] ?? '';
    if (field === '') continue;
    const values = readField(attribute, field);
    if (values === undefined) fault ??= wrongValue(attribute, where);
    else if (values.length > 0) attributes[attribute.name] = values;
  }
  return { attributes, fault };
}

/** undefined: a value is not of the attribute's type. */
function readField(attribute: ConnectorAttribute, field: string): string[] | undefined {
  if (!attribute.multivalued || attribute.separator === undefined) {
    const value = readTypedValue(attribute.type, field);
    return value === undefined ? undefined : [value];
  }
  const values = new Set<string>();
  for (const part of field.split(attribute.separator)) {
    const text = part.trim();
    if (text === '') continue;
    const value = readTypedValue(attribute.type, text);
    if (value === undefined) return undefined;
    values.add(value);
  }
  return [...values];
}

function readAnchor(reading: Reading, row: CsvRow): string | undefined {
  const field = row.fields[reading.anchor.index] ?? '';
  // Spaces alone cannot tell objects apart: nobody sees how many there are.
  return field.trim() === '' ? undefined : readTypedValue(reading.anchor.attribute.type, field);
}

function claimAnchor(reading: Reading, anchor: string, row: CsvRow, where: string): Fault | undefined {
  const first = reading.seen.get(anchor);
  if (first === undefined) {
    reading.seen.set(anchor, row.line);
    return undefined;
  }
  const { column } = reading.anchor.attribute;
  return {
    error: 'duplicate-object',
    message: `${where}, has the same ${column} "${anchor}" as line ${first}, and only line ${first} counts: remove or correct one of the two.`,
  };
}

function missingAnchor(reading: Reading, where: string): Fault {
  const { column } = reading.anchor.attribute;
  return {
    error: 'missing-anchor-component',
    message: `${where}, has nothing in the column "${column}" that tells each ${reading.type.name} from all others: fill it in.`,
  };
}

function wrongValue(attribute: ConnectorAttribute, where: string): Fault {
  const { error, expected } = VALUE_ERRORS[attribute.type] ?? {
    error: 'invalid-attribute-value',
    expected: `of type ${attribute.type}`,
  };
  return {
    error,
    message: `${where}: the column "${attribute.column}" does not hold ${expected}: correct it, or declare ${attribute.name} as a string.`,
  };
}

function refuseLength(reading: Reading, row: CsvRow, table: CsvTable): ReadRow {
  const message =
    `${table.file}, line ${row.line}, has ${row.fields.length} fields where the header has ${table.header.length}: ` +
    'put each field that holds the delimiter in quotes, or add the fields that are missing.';
  // Only the first field cannot have been shifted by a delimiter too many or too few; any other guess might name
  // the wrong object, and put someone's salary where an anchor belongs.
  const anchor = reading.anchor.index === 0 ? readAnchor(reading, row) : undefined;
  const fault = { error: 'parse-error', message };
  return {
    row,
    attributes: {},
    refused: toRefusal(reading, row, fault, anchor),
    error: 'parse-error',
    unreadable: true,
  };
}

function toRefusal(reading: Reading, row: CsvRow, fault: Fault, anchor: string | undefined): RefusedEntry {
  const refused: RefusedEntry = { ...fault, type: reading.type.name, place: `line ${row.line}` };
  if (anchor !== undefined) refused.anchor = anchor;
  return refused;
}
