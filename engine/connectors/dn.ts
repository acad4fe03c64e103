// Distinguished names as RFC 4514 writes them. A name is kept as it was written; names are compared by `dnKey`, which
// follows caseIgnoreMatch (RFC 4518: NFKC, case folded, spaces collapsed) for every attribute type, because without
// the directory's schema no type is known to be case-exact, and directories use none in names.

export interface RdnPart {
  attribute: string;
  /** Without its escapes; of a `#…` value the hexadecimal text as written. */
  value: string;
  /** The value was written as `#` and hexadecimal digits (BER), which is no text. */
  ber?: true;
}

interface Rdn {
  parts: RdnPart[];
  /** Where it starts in the DN as written. */
  start: number;
}

export class DnSyntaxError extends Error {
  override name = 'DnSyntaxError';
  readonly code = 'invalid-dn';
  constructor(dn: string, index: number, problem: string) {
    super(
      `"${dn}" is not a distinguished name: at character ${index + 1} ${problem}; ` +
        'write it like "cn=Doe\\, Jane,ou=people,dc=example,dc=com" (RFC 4514).',
    );
  }
}

const ATTRIBUTE_TYPE = /^(?:[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)*)$/;
const ESCAPABLE = new Set([' ', '"', '#', '+', ',', ';', '<', '=', '>', '\\']);
const MUST_BE_ESCAPED = new Set(['"', ';', '<', '>', '\0']);
const HEX_PAIR = /^[0-9A-Fa-f]{2}$/;
const BER_VALUE = /^#(?:[0-9A-Fa-f]{2})+$/;

/** The name's parts from the entry upwards; `[]` for the empty name. Throws DnSyntaxError. */
export function parseDn(dn: string): RdnPart[][] {
  return splitDn(dn).map((rdn) => rdn.parts);
}

/** Equal for two spellings of the same name, and itself a name. Throws DnSyntaxError. */
export function dnKey(dn: string): string {
  return splitDn(dn)
    .map((rdn) => rdn.parts.map(partKey).sort().join('+'))
    .join(',');
}

/** Whether the name with the first key stands below the one with the second, at any depth. */
export function isKeyBelow(key: string, ancestorKey: string): boolean {
  // Commas within values are written \2c in keys, so a comma is always a border.
  return ancestorKey === '' ? key !== '' : key.endsWith(`,${ancestorKey}`);
}

/** The parent's name as written; undefined for a name of one part or none. Throws DnSyntaxError. */
export function parentDn(dn: string): string | undefined {
  const second = splitDn(dn)[1];
  return second === undefined ? undefined : dn.slice(second.start);
}

/** Attribute and value that name the entry within its parent; several for `cn=A+sn=B`. Throws DnSyntaxError. */
export function rdnOf(dn: string): RdnPart[] {
  return splitDn(dn)[0]?.parts ?? [];
}

/** The name with another tail: what stands `depth` parts deep stays, then comes `newTail`. Throws DnSyntaxError. */
export function withTail(dn: string, depth: number, newTail: string): string {
  const border = splitDn(dn)[depth];
  const head = border === undefined ? dn : dn.slice(0, border.start).replace(/, *$/, '');
  return `${head},${newTail}`;
}

/** The value as it must stand in a name. */
export function escapeRdnValue(value: string): string {
  const escaped = value.replace(/[\\,+";<>]/g, '\\$&').replaceAll('\0', '\\00');
  const start = escaped.replace(/^[ #]/, '\\$&');
  // A single space is both first and last: it was escaped just now.
  return start === '\\ ' ? start : start.replace(/ $/, '\\ ');
}

function partKey(part: RdnPart): string {
  const type = part.attribute.toLowerCase();
  if (part.ber) return `${type}=${part.value.toLowerCase()}`;
  const escaped = foldValue(part.value).replace(/[\\,+";<>\0]|^#/g, hexEscape);
  return `${type}=${escaped}`;
}

function hexEscape(character: string): string {
  return `\\${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

/** Equal for two values that caseIgnoreMatch takes for the same. */
export function foldValue(value: string): string {
  // toLowerCase chooses the final sigma by its place in the word; case folding knows only one.
  const folded = value.normalize('NFKC').toLowerCase().replaceAll('ς', 'σ').normalize('NFKC');
  return folded.replace(/ +/g, ' ').replace(/^ | $/g, '');
}

function splitDn(dn: string): Rdn[] {
  const rdns: Rdn[] = [];
  if (dn.trim() === '') return rdns;
  let position = 0;
  while (true) {
    position = skipSpaces(dn, position);
    const rdn: Rdn = { parts: [], start: position };
    rdns.push(rdn);
    let end = '+';
    while (end === '+') {
      const part = readPart(dn, position);
      rdn.parts.push(part.part);
      end = dn[part.next] ?? '';
      position = part.next + 1;
    }
    if (end === '') return rdns;
  }
}

function readPart(dn: string, from: number): { part: RdnPart; next: number } {
  const equals = dn.indexOf('=', from);
  const attribute = equals === -1 ? '' : dn.slice(from, equals).trim();
  if (!ATTRIBUTE_TYPE.test(attribute)) throw new DnSyntaxError(dn, from, 'stands no attribute type and "="');
  const start = skipSpaces(dn, equals + 1);
  if (dn[start] === '#') return readBerPart(dn, attribute, start);
  const { value, next } = readValue(dn, start);
  return { part: { attribute, value }, next };
}

function readBerPart(dn: string, attribute: string, start: number): { part: RdnPart; next: number } {
  let next = start;
  while (next < dn.length && dn[next] !== ',' && dn[next] !== '+') next += 1;
  const value = dn.slice(start, next).trimEnd();
  if (!BER_VALUE.test(value)) throw new DnSyntaxError(dn, start, '"#" is not followed by pairs of hexadecimal digits');
  return { part: { attribute, value, ber: true }, next };
}

function readValue(dn: string, start: number): { value: string; next: number } {
  let value = '';
  let kept = 0; // how much of `value` is not unescaped trailing space
  let position = start;
  while (position < dn.length) {
    const character = dn[position] ?? '';
    if (character === ',' || character === '+') break;
    if (character === '\\') {
      const escaped = readEscape(dn, position);
      value += escaped.text;
      kept = value.length;
      position = escaped.next;
      continue;
    }
    if (MUST_BE_ESCAPED.has(character)) {
      throw new DnSyntaxError(
        dn,
        position,
        `stands ${character === '\0' ? 'a NUL' : character} without "\\" before it`,
      );
    }
    value += character;
    if (character !== ' ') kept = value.length;
    position += 1;
  }
  return { value: value.slice(0, kept), next: position };
}

/** One escaped character, or a run of `\XX`, which are the bytes of UTF-8 text. */
function readEscape(dn: string, start: number): { text: string; next: number } {
  const escaped = dn[start + 1] ?? '';
  if (ESCAPABLE.has(escaped)) return { text: escaped, next: start + 2 };
  const bytes: number[] = [];
  let position = start;
  while (dn[position] === '\\' && HEX_PAIR.test(dn.slice(position + 1, position + 3))) {
    bytes.push(Number.parseInt(dn.slice(position + 1, position + 3), 16));
    position += 3;
  }
  if (bytes.length === 0) throw new DnSyntaxError(dn, start, '"\\" is followed by nothing that it can escape');
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes));
    return { text, next: position };
  } catch {
    throw new DnSyntaxError(dn, start, 'stand escaped bytes that are not UTF-8');
  }
}

function skipSpaces(dn: string, from: number): number {
  let position = from;
  while (dn[position] === ' ') position += 1;
  return position;
}
