// Attribute values between the engine and a record: into the directory's spelling, set in their place, compared.
import type { Attributes } from '../connector.ts';
import { foldValue, type RdnPart } from './dn.ts';
import type { LdifDirectory } from './ldif-directory.ts';
import type { LdifValue } from './ldif-format.ts';
import { type LdifType, valuesOf } from './ldif-schema.ts';
import { readTypedValue } from './typed-value.ts';

export interface Fault {
  error: string;
  /** Goes after the DN: "has no member: …". */
  problem: string;
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Column to the values that a change gives it. */
export type NewValues = Map<string, LdifValue[]>;

/** The values of a change as the directory holds them, or what is wrong with them. */
export function readNewValues(directory: LdifDirectory, type: LdifType, attributes: Attributes): NewValues | Fault {
  const columns: NewValues = new Map();
  for (const [name, values] of Object.entries(attributes)) {
    const attribute = type.attributes.get(name);
    if (attribute === undefined) {
      return violation(
        `cannot be given ${name}, which ${type.type.name} does not declare: declare it, or flow another`,
      );
    }
    if (values.length > 1 && !attribute.multivalued) {
      return violation(`cannot be given several values of ${name}, which is single-valued: declare it as multivalued`);
    }
    const written: LdifValue[] = [];
    for (const value of new Set(values)) {
      const text = writeTyped(directory, attribute.type, attribute.reference?.by, value);
      if (text === undefined) return invalidValue(name, attribute.type);
      written.push({ type: attribute.column, value: text, ...(attribute.type === 'binary' && { base64: true }) });
    }
    columns.set(attribute.column, written);
  }
  return columns;
}

/** The values with those of each given column in the place where the column stood, or at the end. */
export function setColumns(values: readonly LdifValue[], columns: NewValues): LdifValue[] {
  let result = [...values];
  for (const [column, given] of columns) {
    const type = column.toLowerCase();
    const at = result.findIndex((value) => value.type.toLowerCase() === type);
    const others = result.filter((value) => value.type.toLowerCase() !== type);
    const spelling = result[at]?.type ?? column;
    const spelled = given.map((value) => ({ ...value, type: spelling }));
    result = others.toSpliced(at === -1 ? others.length : at, 0, ...spelled);
  }
  return result;
}

/** The values with those of the name added where they are missing. */
export function withRdn(values: readonly LdifValue[], rdn: readonly RdnPart[]): LdifValue[] {
  const missing = rdn.filter((part) => !part.ber && !holdsRdn(values, part));
  return [...values, ...missing.map((part) => ({ type: part.attribute, value: part.value }))];
}

/** The values without those of the old name that neither the new one nor the change keeps. */
export function withoutRdn(values: readonly LdifValue[], rdn: readonly RdnPart[], kept: NewValues): LdifValue[] {
  const given = new Set([...kept.keys()].map((column) => column.toLowerCase()));
  const old = rdn.filter((part) => !given.has(part.attribute.toLowerCase()));
  return values.filter((value) => !old.some((part) => isRdnValue(value, part)));
}

export function holdsRdn(values: readonly LdifValue[], part: RdnPart): boolean {
  return part.ber === true || values.some((value) => isRdnValue(value, part));
}

/** Whether two records hold the same, apart from the columns named, in whatever order. */
export function holdSame(
  directory: LdifDirectory,
  left: readonly LdifValue[],
  right: readonly LdifValue[],
  apart: string | undefined,
): boolean {
  const ignored = apart?.toLowerCase();
  const spell = (values: readonly LdifValue[]): string[] => {
    const counted = values.filter((value) => value.type.toLowerCase() !== ignored);
    return [...new Set(counted.map((value) => comparable(directory, value)))].sort();
  };
  const [first, second] = [spell(left), spell(right)];
  return first.length === second.length && first.every((value, index) => value === second[index]);
}

export function hasValue(values: readonly LdifValue[], column: string): boolean {
  return valuesOf(values, column).length > 0;
}

export function violation(problem: string): Fault {
  return { error: 'schema-violation', problem };
}

function comparable(directory: LdifDirectory, { type, value, base64 }: LdifValue): string {
  const name = type.toLowerCase();
  if (base64) return `${name}::${value}`;
  if (name === 'objectclass') return `${name}:${value.toLowerCase()}`;
  const key = directory.schema.references.has(name) ? directory.keyOf(value) : undefined;
  return `${name}:${key ?? value}`;
}

function isRdnValue(value: LdifValue, part: RdnPart): boolean {
  if (value.base64 || part.ber || value.type.toLowerCase() !== part.attribute.toLowerCase()) return false;
  return foldValue(value.value) === foldValue(part.value);
}

/** undefined: the value cannot stand in a directory as one of this type. */
function writeTyped(directory: LdifDirectory, type: string, by: string | undefined, value: string): string | undefined {
  // A lone surrogate is no Unicode text: it would be written as another character.
  if (value === '' || !value.isWellFormed()) return undefined;
  if (type === 'integer') return readTypedValue(type, value);
  if (type === 'boolean') return readTypedValue(type, value)?.toUpperCase(); // RFC 4517: TRUE or FALSE
  if (type === 'binary') return BASE64.test(value) ? value : undefined;
  if (type === 'reference' && by === 'dn') return directory.keyOf(value) === undefined ? undefined : value;
  return value;
}

function invalidValue(name: string, type: string): Fault {
  return {
    error: 'invalid-attribute-value',
    problem: `cannot be given a value of ${name} that is empty or no ${type}: correct the flow, or the type declared`,
  };
}
