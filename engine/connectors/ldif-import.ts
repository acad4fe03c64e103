// LDIF records to entries. Records of no declared type are left alone; a record that cannot be staged is refused with
// its line, and with its anchor wherever that can be known.
import type { ConnectorAttribute, ImportedEntry, RefusedEntry } from '../connector.ts';
import { DnSyntaxError, dnKey, isKeyBelow } from './dn.ts';
import type { LdifRecord } from './ldif-format.ts';
import { findType, type LdifSchema, type LdifType, readAnchor, readClasses, valuesOf } from './ldif-schema.ts';
import { readTypedValue, VALUE_ERRORS } from './typed-value.ts';

interface Seen {
  /** Key of a DN to the line of the record that has it. */
  dns: Map<string, number>;
  /** Type and anchor to the line of the record. */
  anchors: Map<string, number>;
}

interface Fault {
  error: string;
  problem: string;
}

export function importRecords(
  records: readonly LdifRecord[],
  schema: LdifSchema,
  file: string,
): { entries: ImportedEntry[]; refused: RefusedEntry[] } {
  const entries: ImportedEntry[] = [];
  const refused: RefusedEntry[] = [];
  const seen: Seen = { dns: new Map(), anchors: new Map() };
  for (const record of records) {
    const key = readKey(record);
    const duplicateOf = key === undefined ? undefined : seen.dns.get(key);
    if (key !== undefined && duplicateOf === undefined) seen.dns.set(key, record.line);
    const type = key === undefined ? findTypeByClass(schema, record) : findType(schema, record, key);
    if (type === undefined) {
      const refusal = refuseWithoutClass(schema, record, key, file);
      if (refusal !== undefined) refused.push(refusal);
      continue;
    }
    const fault = checkName(key, duplicateOf);
    const outcome = fault ?? readEntry(record, type, seen);
    if ('error' in outcome) refused.push(toRefusal(record, type, outcome, file));
    else entries.push(outcome);
  }
  return { entries, refused };
}

function readKey(record: LdifRecord): string | undefined {
  try {
    return dnKey(record.dn);
  } catch (error) {
    if (error instanceof DnSyntaxError) return undefined;
    throw error;
  }
}

function findTypeByClass(schema: LdifSchema, record: LdifRecord): LdifType | undefined {
  const classes = readClasses(record.values);
  return schema.types.find((type) => classes.has(type.objectClass));
}

/** A record without any class may be one of ours, damaged: its object must not look gone. */
function refuseWithoutClass(
  schema: LdifSchema,
  record: LdifRecord,
  key: string | undefined,
  file: string,
): RefusedEntry | undefined {
  if (valuesOf(record.values, 'objectClass').length > 0) return undefined;
  const type = schema.types.find(({ underKey }) => key === undefined || isKeyBelow(key, underKey));
  if (type === undefined) return undefined;
  const problem = 'has no objectClass, so of which type it is is not known: give it one';
  return toRefusal(record, type, { error: 'missing-object-class', problem }, file);
}

function checkName(key: string | undefined, duplicateOf: number | undefined): Fault | undefined {
  if (key === undefined || key === '') {
    return {
      error: 'dn-not-ldap-conformant',
      problem: 'has a name that is no distinguished name: write it as RFC 4514 demands',
    };
  }
  if (duplicateOf === undefined) return undefined;
  return {
    error: 'duplicate-object',
    problem: `has the same distinguished name as line ${duplicateOf}, and only line ${duplicateOf} counts: remove or rename one of the two`,
  };
}

function readEntry(record: LdifRecord, type: LdifType, seen: Seen): ImportedEntry | Fault {
  const anchor = readAnchor(type, record.values);
  if (anchor === undefined) return describeAnchor(record, type);
  const first = seen.anchors.get(`${type.type.name}\0${anchor}`);
  if (first !== undefined) {
    return {
      error: 'duplicate-object',
      problem: `has the same ${type.anchor.column} "${anchor}" as line ${first}, and only line ${first} counts: remove or correct one of the two`,
    };
  }
  seen.anchors.set(`${type.type.name}\0${anchor}`, record.line);
  const attributes: Record<string, string[]> = {};
  for (const attribute of type.attributes.values()) {
    const values = readAttribute(record, attribute);
    if ('error' in values) return values;
    if (values.length > 0) attributes[attribute.name] = values;
  }
  return { type: type.type.name, anchor, dn: record.dn, attributes, place: `line ${record.line}` };
}

function describeAnchor(record: LdifRecord, type: LdifType): Fault {
  const { column } = type.anchor;
  const values = valuesOf(record.values, column).filter(({ value }) => value.trim() !== '');
  const what = `that tells each ${type.type.name} from all others`;
  if (values.length === 0) return { error: 'missing-anchor-component', problem: `has no ${column}, ${what}: add one` };
  if (values.length > 1) {
    return {
      error: 'multi-valued-anchor-component',
      problem: `has more than one ${column}, ${what}: leave one, or declare another anchor`,
    };
  }
  return wrongValue(type.anchor);
}

function readAttribute(record: LdifRecord, attribute: ConnectorAttribute): string[] | Fault {
  const found = new Set<string>();
  for (const { value, base64 } of valuesOf(record.values, attribute.column)) {
    if (value === '') continue;
    if (base64 && attribute.type !== 'binary') {
      return {
        error: 'invalid-attribute-value',
        problem: `has a ${attribute.column} that is not UTF-8 text: declare ${attribute.name} as binary`,
      };
    }
    const typed = readTypedValue(attribute.type, value);
    if (typed === undefined) return wrongValue(attribute);
    found.add(typed);
  }
  if (found.size > 1 && !attribute.multivalued) {
    return {
      error: 'multi-single-mismatch',
      problem: `has more than one ${attribute.column}: declare ${attribute.name} as multivalued, or leave one`,
    };
  }
  return [...found];
}

function wrongValue(attribute: ConnectorAttribute): Fault {
  const { error, expected } = VALUE_ERRORS[attribute.type] ?? { error: 'invalid-attribute-value', expected: 'text' };
  return {
    error,
    problem: `has a ${attribute.column} that is not ${expected}: correct it, or declare ${attribute.name} as a string`,
  };
}

function toRefusal(record: LdifRecord, type: LdifType, fault: Fault, file: string): RefusedEntry {
  const refused: RefusedEntry = {
    error: fault.error,
    message: `The record of ${file}, line ${record.line}, ${fault.problem}.`,
    type: type.type.name,
    place: `line ${record.line}`,
  };
  const anchor = readAnchor(type, record.values);
  if (anchor !== undefined) refused.anchor = anchor;
  return refused;
}
