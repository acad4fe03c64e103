// What the configured object types mean for LDIF records: which record is of which type, and under which attribute
// description each declared attribute stands. Attribute types and object classes compare without case, as in LDAP.
import type { ConnectorAttribute, ConnectorObjectType } from '../connector.ts';
import { dnKey, isKeyBelow } from './dn.ts';
import type { LdifRecord, LdifValue } from './ldif-format.ts';
import { readTypedValue } from './typed-value.ts';

export interface LdifType {
  type: ConnectorObjectType;
  objectClass: string;
  underKey: string;
  /** Without the computed ones. */
  attributes: ReadonlyMap<string, ConnectorAttribute>;
  anchor: ConnectorAttribute;
}

export interface LdifSchema {
  types: LdifType[];
  /** Attribute types, in lower case, whose values name entries. */
  references: ReadonlySet<string>;
  isBinary: (type: string) => boolean;
}

/** Throws Error for types that an LDIF file cannot hold, DnSyntaxError for a malformed `under`. */
export function readSchema(objectTypes: ReadonlyMap<string, ConnectorObjectType>): LdifSchema {
  const types = [...objectTypes.values()].map(readType);
  const declared = types.flatMap(({ attributes }) => [...attributes.values()]);
  const binary = new Set(declared.filter(({ type }) => type === 'binary').map(lowerColumn));
  const references = new Set(declared.filter(({ type }) => type === 'reference').map(lowerColumn));
  return { types, references, isBinary: (type) => binary.has(type.toLowerCase()) };
}

/** The first declared type whose object class the record carries and below whose `under` it stands. */
export function findType(schema: LdifSchema, record: LdifRecord, key: string): LdifType | undefined {
  const classes = readClasses(record.values);
  return schema.types.find((type) => classes.has(type.objectClass) && isKeyBelow(key, type.underKey));
}

/** The object classes, in lower case. */
export function readClasses(values: readonly LdifValue[]): Set<string> {
  return new Set(valuesOf(values, 'objectClass').map(({ value }) => value.toLowerCase()));
}

export function valuesOf(values: readonly LdifValue[], column: string): LdifValue[] {
  const type = column.toLowerCase();
  return values.filter((value) => value.type.toLowerCase() === type);
}

/** The record's anchor; undefined: it has none, more than one, or one that is not of its type. */
export function readAnchor(type: LdifType, values: readonly LdifValue[]): string | undefined {
  const [first, second] = valuesOf(values, type.anchor.column).filter(({ value }) => value.trim() !== '');
  if (first === undefined || second !== undefined || first.base64) return undefined;
  return readTypedValue(type.anchor.type, first.value);
}

function readType(type: ConnectorObjectType): LdifType {
  if (type.derived !== undefined) throw new Error(`object type ${type.name}: an LDIF file has no derived types`);
  if (type.objectClass === undefined) throw new Error(`object type ${type.name}: LDIF needs its objectClass`);
  const attributes = new Map([...type.attributes].filter(([, attribute]) => attribute.computed === undefined));
  const anchor = attributes.get(type.anchor);
  if (anchor === undefined) throw new Error(`the anchor of object type ${type.name} is not read from the directory`);
  const underKey = type.under === undefined ? '' : dnKey(type.under);
  return { type, objectClass: type.objectClass.toLowerCase(), underKey, attributes, anchor };
}

function lowerColumn(attribute: ConnectorAttribute): string {
  return attribute.column.toLowerCase();
}
