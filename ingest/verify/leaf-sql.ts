// What ClickHouse computes of a range of events: their leaves (ingest/ENCODING.md), and what else is wrong with them, as the
// flags of row-faults.ts. Written from the documents, as leaf.ts is; a sample of rows is computed by both.
import { FACTS_SQL } from './facts.ts';
import { COLUMNS } from './row.ts';
import { EVENT_VERSION, FLAGS } from './row-faults.ts';

/**
 * A temporary table of the connection, gone with it. ClickHouse would write a table of engine Join into its folder, also a
 * temporary one, where it stayed if the process was killed: hence `persistent = 0`.
 */
export const KEYS_TABLE = 'metatrail_verify_keys';
export const CREATE_KEYS = `CREATE TEMPORARY TABLE ${KEYS_TABLE} (number UInt64, digits String EPHEMERAL, key String DEFAULT unhex(digits))
ENGINE = Join(ANY, LEFT, number) SETTINGS persistent = 0`;
/** Of lines `number <tab> key in hexadecimal digits`. */
export const INSERT_KEYS = `INSERT INTO ${KEYS_TABLE} (number, digits) FORMAT TabSeparated`;

export function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

const NO_ID = "toUUID('00000000-0000-0000-0000-000000000000')";

/**
 * How fields are written. A hash is a field of 32 bytes, whose head is always the same. (\\x20 is the length; the zeros before
 * it are its other seven bytes.)
 */
const FIELDS = `
    (s -> concat(char(1), reinterpretAsFixedString(byteSwap(toUInt64(length(s)))), s)) AS field,
    (n -> field(toString(n))) AS number,
    (s -> if(s = '', char(0), field(s))) AS text,
    (id -> if(id = ${NO_ID}, char(0), field(toString(id)))) AS id_text,
    ((key, group, ordinal, contents) -> concat('\\x01\\0\\0\\0\\0\\0\\0\\0\\x20', SHA256(concat(char(3),
        SHA256(concat(char(2), key, place, field(group), number(ordinal))), contents)))) AS commitment`;

/**
 * What commitments are made of. Each step is a subquery of its own: ClickHouse reads a statement the faster, the less often
 * something is said in it again. Of values that are references there are arrays of their own: only for them is hashed.
 */
const PARTS = `*,
    joinGet('${KEYS_TABLE}', 'key', subject_key) AS subject, joinGet('${KEYS_TABLE}', 'key', actor_key) AS actor,
    concat(field(toString(log)), number(sequence)) AS place,
    (object_name != '' OR anchor != '' OR dn != '') AS has_object,
    (initiator != '' OR performer != '' OR address != '') AS has_actor,
    arrayMap(type -> type = 'reference', value.type) AS is_reference,
    arrayMap((operation, old, new) -> concat(if(operation = 'add', char(0), field(old)),
        if(operation = 'remove', char(0), field(new))), value.operation, value.old, value.new) AS contents`;
const REFERENCES = `*,
    has(is_reference, 0) AS has_plain,
    arrayFilter((i, yes) -> yes, arrayEnumerate(is_reference), is_reference) AS of_reference,
    arrayFilter((i, yes) -> NOT yes, arrayEnumerate(is_reference), is_reference) AS of_plain,
    arrayFilter((k, yes) -> yes, value.key, is_reference) AS reference_numbers,
    arrayMap(k -> joinGet('${KEYS_TABLE}', 'key', k), reference_numbers) AS reference_keys,
    arrayFilter((given, yes) -> yes, value.commitment, is_reference) AS reference_given,
    arrayFilter((content, yes) -> yes, contents, is_reference) AS reference_contents,
    arrayFilter((id, yes) -> yes, value.reference, is_reference) AS reference_ids`;
const COMMITMENTS = `*,
    multiIf(object_commitment != '', field(object_commitment), NOT has_object, char(0),
        commitment(subject, 'object', 0, concat(text(object_name), text(anchor), text(dn)))) AS object_field,
    multiIf(actor_commitment != '', field(actor_commitment), NOT has_actor, char(0),
        commitment(actor, 'actor', 0, concat(text(toString(initiator)), text(toString(performer)), text(toString(address))))) AS actor_field,
    multiIf(NOT has_plain, char(0), values_commitment != '', field(values_commitment),
        commitment(subject, 'values', 0,
            arrayStringConcat(arrayFilter((content, yes) -> NOT yes, contents, is_reference)))) AS values_field,
    arraySort((its, i) -> i,
        arrayConcat(
            arrayMap((key, given, i, content, id) -> if(given != '', field(given),
                commitment(key, 'reference', i - 1, concat(content, id_text(id)))),
                reference_keys, reference_given, of_reference, reference_contents, reference_ids),
            arrayMap(i -> char(0), of_plain)),
        arrayConcat(of_reference, of_plain)) AS reference_fields`;
const LEAF = `SHA256(concat(char(0),
        number(event_version), place,
        number(toUnixTimestamp64Micro(recorded_at)), number(toUnixTimestamp64Micro(occurred_at)),
        field(toString(occurred_at_known)), field(toString(stage)), field(toString(operation)), field(toString(outcome)),
        text(toString(error)), id_text(object), id_text(entry), text(toString(object_type)), text(toString(agent)),
        object_field, field(toString(initiator_known)), actor_field,
        number(length(causes)), arrayStringConcat(arrayMap(cause -> number(cause), causes)),
        number(root), text(toString(rule)),
        if(configuration_known = 0, char(0), number(configuration)), if(run_known = 0, char(0), number(run)),
        if(step = 0, char(0), number(step)), text(toString(step_kind)), number(out_of_band), values_field,
        number(length(value.type)),
        arrayStringConcat(arrayMap((attribute, type, operation, marks, its_rule, set_by, set_by_known, reference_field) ->
            concat(field(toString(attribute)), field(toString(type)), field(toString(operation)), number(marks),
                text(toString(its_rule)), if(set_by_known = 0, char(0), number(set_by)), reference_field),
            value.attribute, value.type, value.operation, value.marks, value.rule, value.set_by, value.set_by_known,
            reference_fields)))) AS leaf`;

const UNCOVERED = `
    if(configuration_known = 0, configuration != 0, configuration_known != 1)
    OR if(run_known = 0, run != 0, run_known != 1)
    OR (subject_key != 0 AND NOT has_object AND object_commitment = '' AND NOT has_plain)
    OR (actor_key != 0 AND NOT has_actor AND actor_commitment = '')
    OR (values_commitment != '' AND NOT has_plain)
    OR arrayExists((by, known) -> if(known = 0, by != 0, known != 1), value.set_by, value.set_by_known)
    OR arrayExists((operation, old, new) -> (operation = 'add' AND old != '') OR (operation = 'remove' AND new != ''),
        value.operation, value.old, value.new)
    OR arrayExists((yes, id, k, given) -> NOT yes AND (id != ${NO_ID} OR k != 0 OR given != ''),
        is_reference, value.reference, value.key, value.commitment)`;

const LATER = `
    arrayExists(cause -> cause >= sequence, causes) OR root > sequence OR configuration > sequence OR run > sequence
    OR arrayExists((by, known) -> known != 0 AND by >= sequence, value.set_by, value.set_by_known)`;

const KEY_MISSING = `
    (object_commitment = '' AND has_object AND subject = '') OR (actor_commitment = '' AND has_actor AND actor = '')
    OR (values_commitment = '' AND has_plain AND subject = '')
    OR arrayExists((key, given) -> given = '' AND key = '', reference_keys, reference_given)`;

const COMMITMENT_WITH_KEY = `
    (object_commitment != '' AND subject != '') OR (actor_commitment != '' AND actor != '')
    OR (values_commitment != '' AND has_plain AND subject != '')
    OR arrayExists((key, given) -> given != '' AND key != '', reference_keys, reference_given)`;

const CONTENT_WITH_COMMITMENT = `
    (object_commitment != '' AND (has_object OR length(object_commitment) != 32))
    OR (actor_commitment != '' AND (has_actor OR length(actor_commitment) != 32))
    OR (values_commitment != '' AND (length(values_commitment) != 32
        OR arrayExists((yes, old, new) -> NOT yes AND (old != '' OR new != ''), is_reference, value.old, value.new)))
    OR arrayExists((yes, given, old, new, id) -> yes AND given != ''
        AND (length(given) != 32 OR old != '' OR new != '' OR id != ${NO_ID}),
        is_reference, value.commitment, value.old, value.new, value.reference)`;

function flagsSql(log: string): string {
  const conditions = {
    'other-log': `log != ${quote(log)}`,
    'unknown-version': `event_version != ${EVENT_VERSION}`,
    'uncovered-column': UNCOVERED,
    'later-event': LATER,
    'not-its-own-root': 'empty(causes) AND root != sequence',
    'key-missing': KEY_MISSING,
    'commitment-with-key': COMMITMENT_WITH_KEY,
    'content-with-commitment': CONTENT_WITH_COMMITMENT,
  } satisfies Record<keyof typeof FLAGS, string>;
  const bits = Object.entries(FLAGS).map(([flag, bit]) => `if(${conditions[flag as keyof typeof FLAGS]}, ${bit}, 0)`);
  return `toUInt16(${bits.join(' + ')}) AS flags`;
}

export function rangeOf(first: number, end: number): string {
  return `sequence >= ${first} AND sequence < ${end}`;
}

/** Bytes that each row of leavesSql() begins with in RowBinary; the row itself follows, as a text after its length. */
export const LEAF_ROW_BYTES = 8 + 8 + 8 + 2 + 32;

/**
 * The events of a range in any order: sequence, root, principal cause (itself where there is none), flags, leaf; and of those
 * that the check has to know, and of the sample, the whole row as a JSON array of the columns.
 */
export function leavesSql(log: string, first: number, end: number, sample: readonly number[]): string {
  const isSample = sample.length > 0 ? `OR sequence IN (${sample.join(', ')})` : '';
  // Of a cluster only the innermost statement goes to the shards: the keys do not.
  return `WITH ${FIELDS}
SELECT sequence, root, if(empty(causes), sequence, causes[1]) AS principal, ${flagsSql(log)}, ${LEAF},
    if(${FACTS_SQL} ${isSample}, toJSONString(tuple(${ROW_COLUMNS.join(', ')})), '') AS whole
FROM (SELECT ${COMMITMENTS} FROM (SELECT ${REFERENCES} FROM (SELECT ${PARTS}
    FROM (SELECT * FROM events WHERE ${rangeOf(first, end)}))))`;
}

/** Columns as parseRow() takes them: commitments in hexadecimal digits. */
const ROW_COLUMNS = COLUMNS.map((column) => {
  if (column === 'value.commitment') return 'arrayMap(given -> lower(hex(given)), value.commitment)';
  return column.endsWith('_commitment') ? `lower(hex(${column}))` : column;
});

/** The numbers of the keys that the rows of a range name. */
export function keyNumbersSql(first: number, end: number): string {
  return `SELECT groupUniqArrayArray(arrayConcat([subject_key, actor_key], value.key)) AS numbers
FROM events WHERE ${rangeOf(first, end)}`;
}
