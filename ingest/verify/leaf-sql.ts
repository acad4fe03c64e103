// What ClickHouse computes of a range of events: their leaves (ingest/ENCODING.md), and what else is wrong with them, as the
// flags of row-faults.ts. Written from the documents, as leaf.ts is; a sample of rows is computed by both.
import { EVENT_VERSION, FLAGS } from './row-faults.ts';

/** A temporary table of the connection: it is never stored, and gone with the connection. */
export const KEYS_TABLE = 'metatrail_verify_keys';
export const CREATE_KEYS = `CREATE TEMPORARY TABLE ${KEYS_TABLE} (number UInt64, key String) ENGINE = Join(ANY, LEFT, number)`;
export const INSERT_KEYS = `INSERT INTO ${KEYS_TABLE} (number, key) FORMAT TabSeparated`;

/** A row of the table of keys; bytes that are no text are written as escapes. */
export function formatKey(number: number, key: Uint8Array): string {
  const hex = Buffer.from(key.buffer, key.byteOffset, key.length).toString('hex');
  return `${number}\t${hex.replace(/../g, '\\x$&')}\n`;
}

export function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

const NO_ID = "toUUID('00000000-0000-0000-0000-000000000000')";

/**
 * What commitments and leaf are made of. `concat('', …)` makes a text of a hash without cutting off zero bytes at its end.
 * `log` and `sequence` are the same for all values of a row, and so computed once. */
const ENCODING = `
    (s -> concat(char(1), reinterpretAsFixedString(byteSwap(toUInt64(length(s)))), s)) AS field,
    (n -> field(toString(n))) AS number,
    (s -> if(s = '', char(0), field(s))) AS text,
    (id -> if(id = ${NO_ID}, char(0), field(toString(id)))) AS id_text,
    (k -> joinGet('${KEYS_TABLE}', 'key', k)) AS key_of,
    concat(field(toString(log)), number(sequence)) AS place,
    ((key, group, ordinal, contents) -> concat('', SHA256(concat(char(3),
        SHA256(concat(char(2), key, place, field(group), number(ordinal))), contents)))) AS commitment,
    key_of(subject_key) AS subject,
    key_of(actor_key) AS actor,
    toString(initiator) AS initiator_text, toString(performer) AS performer_text, toString(address) AS address_text,
    arrayMap(type -> type = 'reference', value.type) AS is_reference,
    arrayMap((operation, old) -> if(operation = 'add', char(0), field(old)), value.operation, value.old) AS olds,
    arrayMap((operation, new) -> if(operation = 'remove', char(0), field(new)), value.operation, value.new) AS news,
    arrayMap((yes, k) -> if(yes, key_of(k), ''), is_reference, value.key) AS reference_keys,
    (object_name != '' OR anchor != '' OR dn != '') AS has_object,
    (initiator_text != '' OR performer_text != '' OR address_text != '') AS has_actor,
    arrayExists(yes -> NOT yes, is_reference) AS has_plain,
    multiIf(object_commitment != '', field(object_commitment), NOT has_object, char(0),
        field(commitment(subject, 'object', 0, concat(text(object_name), text(anchor), text(dn))))) AS object_field,
    multiIf(actor_commitment != '', field(actor_commitment), NOT has_actor, char(0),
        field(commitment(actor, 'actor', 0, concat(text(initiator_text), text(performer_text), text(address_text))))) AS actor_field,
    multiIf(NOT has_plain, char(0), values_commitment != '', field(values_commitment),
        field(commitment(subject, 'values', 0,
            arrayStringConcat(arrayMap((yes, old, new) -> if(yes, '', concat(old, new)), is_reference, olds, news))))) AS values_field,
    arrayMap((yes, key, given, ordinal, old, new, id) -> multiIf(NOT yes, char(0), given != '', field(given),
        field(commitment(key, 'reference', ordinal - 1, concat(old, new, id_text(id))))),
        is_reference, reference_keys, value.commitment, arrayEnumerate(value.type), olds, news, value.reference) AS reference_fields,
    concat('', SHA256(concat(char(0),
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
            reference_fields))))) AS leaf`;

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
    OR arrayExists((yes, key, given) -> yes AND given = '' AND key = '', is_reference, reference_keys, value.commitment)`;

const COMMITMENT_WITH_KEY = `
    (object_commitment != '' AND subject != '') OR (actor_commitment != '' AND actor != '')
    OR (values_commitment != '' AND has_plain AND subject != '')
    OR arrayExists((yes, key, given) -> yes AND given != '' AND key != '', is_reference, reference_keys, value.commitment)`;

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

/** One row for each 256 sequences: `held` rows, whether they are the ones expected, their flags, their leaves in base64. */
export function tilesSql(log: string, first: number, end: number): string {
  return `WITH ${ENCODING}, ${flagsSql(log)},
    arraySort(groupArray((sequence, leaf))) AS sorted, intDiv(sequence, 256) AS tile
SELECT tile, count() AS held,
    arrayMap(pair -> pair.1, sorted) = range(greatest(tile * 256, ${first}), greatest(tile * 256, ${first}) + count()) AS is_dense,
    groupBitOr(flags) AS flags_of_all,
    base64Encode(arrayStringConcat(arrayMap(pair -> pair.2, sorted))) AS leaves
FROM (SELECT * FROM events WHERE ${rangeOf(first, end)}) GROUP BY tile ORDER BY tile`;
}

/** The rows of a range that have a flag. */
export function flaggedSql(log: string, first: number, end: number): string {
  return `WITH ${ENCODING}, ${flagsSql(log)}
SELECT sequence, flags AS its_flags
FROM (SELECT * FROM events WHERE ${rangeOf(first, end)}) WHERE flags != 0 ORDER BY sequence`;
}

/** Row by row, for tiles that are not as expected. */
export function leavesSql(first: number, end: number, tiles: readonly number[]): string {
  return `WITH ${ENCODING}
SELECT sequence, base64Encode(leaf) AS hash
FROM (SELECT * FROM events WHERE ${rangeOf(first, end)} AND intDiv(sequence, 256) IN (${tiles.join(', ')}))
ORDER BY sequence`;
}

/** The numbers of the keys that the rows of a range name. */
export function keyNumbersSql(first: number, end: number): string {
  return `SELECT groupUniqArrayArray(arrayConcat([subject_key, actor_key], value.key)) AS numbers
FROM events WHERE ${rangeOf(first, end)}`;
}
