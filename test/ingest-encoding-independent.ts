// The leaf of a row of `events`, computed from ingest/ENCODING.md alone: shares nothing with ingest/encoding.ts.
import { createHash } from 'node:crypto';

/** A row as ClickHouse returns it or as the journal holds it; a column left out has its default. */
export type Row = Record<string, unknown>;

export interface Leaf {
  encoding: Buffer;
  commitments: {
    object: string | null;
    actor: string | null;
    values: string | null;
    references: (string | null)[];
  };
  leaf: string;
}

type Content = string | Buffer | null;

function sha256(...parts: Buffer[]): Buffer {
  return createHash('sha256').update(Buffer.concat(parts)).digest();
}

function field(content: Content): Buffer {
  if (content === null) return Buffer.from('00', 'hex');
  const bytes = typeof content === 'string' ? Buffer.from(content, 'utf8') : content;
  const length = Buffer.alloc(8);
  length.writeBigUInt64BE(BigInt(bytes.length));
  return Buffer.concat([Buffer.from('01', 'hex'), length, bytes]);
}

const text = (row: Row, column: string): Content => String(row[column] ?? '') || null;
const always = (row: Row, column: string): Content => String(row[column] ?? 0);
const known = (row: Row, column: string): Content => (row[`${column}_known`] === 1 ? always(row, column) : null);
const array = (row: Row, column: string): unknown[] => (Array.isArray(row[column]) ? row[column] : []);

function uuid(value: unknown): Content {
  const id = String(value ?? '');
  return id === '' || id === '00000000-0000-0000-0000-000000000000' ? null : id;
}

/** "2010-01-31 23:59:59.999999" as microseconds since 1970. */
function micros(row: Row, column: string): Content {
  const [, seconds = '', fraction = ''] = /^(.{19})\.(\d{6})$/.exec(String(row[column])) ?? [];
  const whole = BigInt(Date.parse(`${seconds.replace(' ', 'T')}Z`)) * 1000n;
  return (whole + BigInt(fraction)).toString();
}

function commit(row: Row, key: Buffer, group: string, ordinal: number, contents: Content[]): Buffer {
  const salt = sha256(
    Buffer.from([2]),
    key,
    field(text(row, 'log')),
    field(always(row, 'sequence')),
    field(group),
    field(String(ordinal)),
  );
  return sha256(Buffer.from([3]), salt, ...contents.map(field));
}

const operation = (row: Row, i: number): string => String(array(row, 'value.operation')[i]);
const old = (row: Row, i: number): Content => (operation(row, i) === 'add' ? null : String(array(row, 'value.old')[i]));
const fresh = (row: Row, i: number): Content =>
  operation(row, i) === 'remove' ? null : String(array(row, 'value.new')[i]);

interface Commitments {
  object: Buffer | null;
  actor: Buffer | null;
  values: Buffer | null;
  references: (Buffer | null)[];
}

/** A commitment that stands in the place of columns that were erased, as 64 hexadecimal digits. */
const kept = (text: unknown): Buffer | null =>
  text === undefined || text === '' ? null : Buffer.from(String(text), 'hex');

function commitmentsOf(row: Row, keys: ReadonlyMap<number, Buffer>): Commitments {
  const key = (number: unknown): Buffer => keys.get(Number(number)) ?? Buffer.alloc(0);
  const group = (name: string, keyNumber: unknown, columns: string[]): Buffer | null => {
    const contents = columns.map((column) => text(row, column));
    return contents.every((content) => content === null) ? null : commit(row, key(keyNumber), name, 0, contents);
  };
  const types = array(row, 'value.type');
  const plain = types.flatMap((type, i) => (type === 'reference' ? [] : [old(row, i), fresh(row, i)]));
  return {
    object: kept(row.object_commitment) ?? group('object', row.subject_key, ['object_name', 'anchor', 'dn']),
    actor: kept(row.actor_commitment) ?? group('actor', row.actor_key, ['initiator', 'performer', 'address']),
    values:
      kept(row.values_commitment) ??
      (plain.length === 0 ? null : commit(row, key(row.subject_key), 'values', 0, plain)),
    references: types.map((type, i) => {
      if (type !== 'reference') return null;
      const contents = [old(row, i), fresh(row, i), uuid(array(row, 'value.reference')[i])];
      const erased = kept(array(row, 'value.commitment')[i]);
      return erased ?? commit(row, key(array(row, 'value.key')[i]), 'reference', i, contents);
    }),
  };
}

function contentsOf(row: Row, { object, actor, values, references }: Commitments): Content[] {
  const causes = array(row, 'causes').map(String);
  const types = array(row, 'value.type');
  return [
    always(row, 'event_version'),
    text(row, 'log'),
    always(row, 'sequence'),
    micros(row, 'recorded_at'),
    micros(row, 'occurred_at'),
    text(row, 'occurred_at_known'),
    text(row, 'stage'),
    text(row, 'operation'),
    text(row, 'outcome'),
    text(row, 'error'),
    uuid(row.object),
    uuid(row.entry),
    text(row, 'object_type'),
    text(row, 'agent'),
    object,
    text(row, 'initiator_known'),
    actor,
    String(causes.length),
    ...causes,
    always(row, 'root'),
    text(row, 'rule'),
    known(row, 'configuration'),
    known(row, 'run'),
    Number(row.step ?? 0) === 0 ? null : always(row, 'step'),
    text(row, 'step_kind'),
    always(row, 'out_of_band'),
    values,
    String(types.length),
    ...types.flatMap((type, i): Content[] => [
      String(array(row, 'value.attribute')[i]),
      String(type),
      operation(row, i),
      String(array(row, 'value.marks')[i]),
      String(array(row, 'value.rule')[i] ?? '') || null,
      array(row, 'value.set_by_known')[i] === 1 ? String(array(row, 'value.set_by')[i]) : null,
      references[i] ?? null,
    ]),
  ];
}

export function computeLeaf(row: Row, keys: ReadonlyMap<number, Buffer>): Leaf {
  const commitments = commitmentsOf(row, keys);
  const encoding = Buffer.concat(contentsOf(row, commitments).map(field));
  const hex = (bytes: Buffer | null): string | null => bytes?.toString('hex') ?? null;
  return {
    encoding,
    commitments: {
      object: hex(commitments.object),
      actor: hex(commitments.actor),
      values: hex(commitments.values),
      references: commitments.references.map(hex),
    },
    leaf: sha256(Buffer.from([0]), encoding).toString('hex'),
  };
}
