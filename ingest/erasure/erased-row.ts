// What is left of an event's row when somebody in it is erased: the columns of the group are emptied, and the commitment
// that the leaf was made of stands in its place.
import { z } from 'zod';
import { NO_UUID } from '../event.ts';

/** Commitments in hexadecimal; empty where the group is not erased. */
export interface RowCommitments {
  object: string;
  actor: string;
  values: string;
  /** For each value of the row; none at all: no reference of it is erased. */
  references: readonly string[];
}

const rowColumns = z.looseObject({
  'value.type': z.array(z.string()).default([]),
  'value.old': z.array(z.string()).default([]),
  'value.new': z.array(z.string()).default([]),
  'value.reference': z.array(z.string()).default([]),
  'value.commitment': z.array(z.string()).default([]),
});

/** The row, as JSON of the journal or of ClickHouse has it, with the groups that have a commitment emptied. */
export function eraseRow(row: unknown, erased: RowCommitments): Record<string, unknown> {
  const { object, actor, values } = erased;
  const columns = rowColumns.parse(row);
  return {
    ...columns,
    ...(object && { object_name: '', anchor: '', dn: '', object_commitment: object }),
    ...(actor && { initiator: '', performer: '', address: '', actor_commitment: actor }),
    ...(values && { values_commitment: values }),
    ...eraseValues(columns, erased),
  };
}

function eraseValues(columns: z.infer<typeof rowColumns>, { values, references }: RowCommitments) {
  const types = columns['value.type'];
  if (types.length === 0) return {};
  const isErased = (index: number) => (types[index] === 'reference' ? (references[index] ?? '') !== '' : values !== '');
  const emptied = (texts: readonly string[], empty: string) =>
    types.map((_, index) => (isErased(index) ? empty : (texts[index] ?? empty)));
  return {
    'value.old': emptied(columns['value.old'], ''),
    'value.new': emptied(columns['value.new'], ''),
    'value.reference': emptied(columns['value.reference'], NO_UUID),
    'value.commitment': types.map((_, index) => references[index] || (columns['value.commitment'][index] ?? '')),
  };
}

/** The id that an erased reference's holder has in the answers: it tells one erased person from another. */
export function erasedHolder(keyNumber: number): string {
  return `${ERASED_HOLDER}${keyNumber.toString(16).padStart(12, '0')}`;
}

/** A UUID of version 8: what its bits mean is ours to say. The last twelve digits are the number of the erased key. */
export const ERASED_HOLDER = '00000000-0000-8000-8000-';
