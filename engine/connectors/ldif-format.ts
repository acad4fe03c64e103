// LDIF content records, RFC 2849: text to records and back. Nothing is interpreted, and nothing is lost but comments,
// the version line and the way lines were folded. What was not understood is refused with its line, never skipped. No
// message quotes a line, because any line may hold a password.

export interface LdifValue {
  /** Attribute type with its options, as written: "userCertificate;binary". */
  type: string;
  /** UTF-8 text, or base64 where `base64` is set. */
  value: string;
  /** The bytes are not UTF-8, or the type was declared binary. */
  base64?: true;
}

export interface LdifRecord {
  dn: string;
  /** In the order of the file. */
  values: LdifValue[];
  /** The line on which it begins, from 1. */
  line: number;
}

export class LdifSyntaxError extends Error {
  override name = 'LdifSyntaxError';
  readonly line: number;
  constructor(line: number, problem: string) {
    super(`line ${line}: ${problem}`);
    this.line = line;
  }
}

interface Line {
  text: string;
  number: number;
}

const FOLD_COLUMNS = 76;
const ATTRIBUTE_LINE = /^((?:[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)*)(?:;[A-Za-z0-9-]+)*):([:<]?) *(.*)$/s;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
/** What may stand after ":" as it is; a space at the end would be lost when someone edits the file. */
const SAFE_STRING = /^(?![ :<])[\p{ASCII}--[\0\r\n]]*(?<! )$/v;

/** `isBinary`: which attribute types stay base64 although their bytes are UTF-8. Throws LdifSyntaxError. */
export function parseLdif(text: string, isBinary: (type: string) => boolean = () => false): LdifRecord[] {
  const records: LdifRecord[] = [];
  let record: LdifRecord | undefined;
  let mayBeVersion = true;
  for (const line of unfold(text)) {
    if (line.text === '') {
      record = undefined;
      continue;
    }
    const value = readValue(line, isBinary);
    const isVersion = mayBeVersion && value.type.toLowerCase() === 'version';
    mayBeVersion = false;
    if (isVersion) {
      if (value.value !== '1')
        throw new LdifSyntaxError(line.number, 'only version 1 of LDIF is known: export the file as version 1');
    } else if (record === undefined) {
      record = beginRecord(value, line);
      records.push(record);
    } else {
      refuseChange(value, line);
      record.values.push(value);
    }
  }
  return records;
}

/** What parseLdif reads back as the same records. Without `version: 1`, which slapadd 2.5 takes for an attribute. */
export function writeLdif(records: readonly LdifRecord[]): string {
  const lines: string[] = [];
  for (const record of records) {
    if (lines.length > 0) lines.push('');
    lines.push(...foldLine(formatValue({ type: 'dn', value: record.dn })));
    for (const value of record.values) lines.push(...foldLine(formatValue(value)));
  }
  return lines.map((line) => `${line}\n`).join('');
}

/** Logical lines: continuations joined, comments gone, empty lines kept. */
function* unfold(text: string): Generator<Line> {
  let line: Line | undefined;
  let number = 0;
  for (const raw of splitLines(text)) {
    number += 1;
    if (raw.startsWith(' ')) {
      if (line === undefined)
        throw new LdifSyntaxError(number, 'begins with a space, so it continues a line, but there is none before it');
      line.text += raw.slice(1);
      continue;
    }
    if (line !== undefined && !line.text.startsWith('#')) yield line;
    line = raw === '' ? undefined : { text: raw, number };
    if (raw === '') yield { text: '', number };
  }
  if (line !== undefined && !line.text.startsWith('#')) yield line;
}

function splitLines(text: string): string[] {
  return text.split('\n').map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
}

function readValue(line: Line, isBinary: (type: string) => boolean): LdifValue {
  if (line.text === '-')
    throw new LdifSyntaxError(
      line.number,
      'is "-", which only change records have: give a file of content records, as slapcat writes it',
    );
  const match = ATTRIBUTE_LINE.exec(line.text);
  const [, type, kind, rest] = match ?? [];
  if (type === undefined || rest === undefined)
    throw new LdifSyntaxError(
      line.number,
      'is no "attribute: value" line: correct it, or begin it with "#" to make it a comment',
    );
  if (kind === '<')
    throw new LdifSyntaxError(
      line.number,
      'takes its value from a URL (":<"), which is not followed: put the value itself there in base64 ("::")',
    );
  if (kind === ':') return decodeValue(type, rest.trimEnd(), line, isBinary);
  return isBinary(type) ? { type, value: Buffer.from(rest).toString('base64'), base64: true } : { type, value: rest };
}

function decodeValue(type: string, base64: string, line: Line, isBinary: (type: string) => boolean): LdifValue {
  if (!BASE64.test(base64))
    throw new LdifSyntaxError(
      line.number,
      'holds a value after "::" that is not base64: correct it, or write it after ":" as text',
    );
  const bytes = Buffer.from(base64, 'base64');
  const text = isBinary(type) ? undefined : decodeUtf8(bytes);
  // Encoded anew, because several base64 texts may stand for the same bytes.
  return text === undefined ? { type, value: bytes.toString('base64'), base64: true } : { type, value: text };
}

function decodeUtf8(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function beginRecord(value: LdifValue, line: Line): LdifRecord {
  if (value.type.toLowerCase() !== 'dn')
    throw new LdifSyntaxError(
      line.number,
      'begins a record, but not with "dn:": an empty line ends a record, so remove the one before it or add the name',
    );
  if (value.base64) throw new LdifSyntaxError(line.number, 'holds a name that is not UTF-8: encode it in UTF-8');
  return { dn: value.value, values: [], line: line.number };
}

function refuseChange(value: LdifValue, line: Line): void {
  const type = value.type.toLowerCase();
  if (type === 'changetype' || type === 'control') {
    throw new LdifSyntaxError(
      line.number,
      'makes this a change record: give a file of content records, as slapcat writes it',
    );
  }
  if (type === 'dn')
    throw new LdifSyntaxError(line.number, 'begins a record within a record: put an empty line before it');
}

function formatValue({ type, value, base64 }: LdifValue): string {
  if (base64) return `${type}:: ${value}`;
  if (value === '') return `${type}:`;
  return SAFE_STRING.test(value) ? `${type}: ${value}` : `${type}:: ${Buffer.from(value).toString('base64')}`;
}

function foldLine(line: string): string[] {
  const lines = [line.slice(0, FOLD_COLUMNS)];
  for (let start = FOLD_COLUMNS; start < line.length; start += FOLD_COLUMNS - 1) {
    lines.push(` ${line.slice(start, start + FOLD_COLUMNS - 1)}`);
  }
  return lines;
}
