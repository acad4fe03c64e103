// What can be wrong with a row apart from its leaf: columns that the leaf does not cover, names of later events, keys and
// commitments that do not fit together. ClickHouse finds the same in SQL (leaf-sql.ts); the flags are the same.
import type { KeyLookup } from './leaf.ts';
import { NOBODY, type Row, type Value } from './row.ts';

export const FLAGS = {
  'other-log': 1,
  'unknown-version': 2,
  'uncovered-column': 4,
  'later-event': 8,
  'not-its-own-root': 16,
  'key-missing': 32,
  'commitment-with-key': 64,
  'content-with-commitment': 128,
} as const;
export type Flag = keyof typeof FLAGS;

export const FLAG_SENTENCES: Record<Flag, string> = {
  'other-log': 'belongs to another log',
  'unknown-version': 'has a version that this verifier does not know',
  'uncovered-column': 'holds something in a column that its leaf does not cover, where nothing may be',
  'later-event': 'names an event that was not before it as its cause, run, configuration or origin of a value',
  'not-its-own-root': 'has no cause, but another root than itself',
  'key-missing': 'is committed under a key that is not there, and was not erased',
  'commitment-with-key': 'has a commitment in place of its content, although the key was not erased',
  'content-with-commitment': 'has content beside the commitment that stands in its place, or a commitment that is none',
};

/** The only version of events there is yet. */
export const EVENT_VERSION = 1;
const COMMITMENT_DIGITS = 64;

/** The flags of what is wrong with a row, added up; 0: nothing. */
export function findRowFaults(row: Row, log: string, keyOf: KeyLookup): number {
  let flags = 0;
  if (row.log !== log) flags |= FLAGS['other-log'];
  if (row.eventVersion !== EVENT_VERSION) flags |= FLAGS['unknown-version'];
  if (hasUncoveredColumn(row)) flags |= FLAGS['uncovered-column'];
  if (namesLaterEvent(row)) flags |= FLAGS['later-event'];
  if (row.causes.length === 0 && row.root !== row.sequence) flags |= FLAGS['not-its-own-root'];
  const keys = new GroupFlags(keyOf);
  keys.check(row.subjectKey, row.objectCommitment, [row.objectName, row.anchor, row.dn]);
  keys.check(row.actorKey, row.actorCommitment, [row.initiator, row.performer, row.address]);
  if (row.values.length > 0) checkValueGroups(row, keys);
  return flags | keys.flags;
}

function checkValueGroups(row: Row, keys: GroupFlags): void {
  const plain = row.values.filter(({ type }) => type !== 'reference');
  if (plain.length > 0) {
    const contents = plain.flatMap(({ old, new: fresh }) => [old, fresh]);
    keys.check(row.subjectKey, row.valuesCommitment, contents, true);
  }
  for (const { type, key, commitment, old, new: fresh, reference } of row.values) {
    if (type !== 'reference') continue;
    keys.check(key, commitment, [old, fresh, reference === NOBODY ? '' : reference], true);
  }
}

/** Whether key, commitment and content of a group fit together: exactly one of key and commitment is there. */
class GroupFlags {
  flags = 0;
  readonly #keyOf: KeyLookup;

  constructor(keyOf: KeyLookup) {
    this.#keyOf = keyOf;
  }

  check(key: number, commitment: string, contents: readonly string[], isAlwaysThere = false): void {
    const isEmpty = contents.every((content) => content === '');
    if (commitment !== '') {
      if (this.#keyOf(key) !== undefined) this.flags |= FLAGS['commitment-with-key'];
      if (!isEmpty || commitment.length !== COMMITMENT_DIGITS) this.flags |= FLAGS['content-with-commitment'];
    } else if ((isAlwaysThere || !isEmpty) && this.#keyOf(key) === undefined) this.flags |= FLAGS['key-missing'];
  }
}

/** A column may hold something only where the leaf covers it: else it could be altered unseen. */
function hasUncoveredColumn(row: Row): boolean {
  const isPlain = row.values.some(({ type }) => type !== 'reference');
  const hasObject = row.objectName !== '' || row.anchor !== '' || row.dn !== '' || row.objectCommitment !== '';
  const hasActor = row.initiator !== '' || row.performer !== '' || row.address !== '' || row.actorCommitment !== '';
  return (
    (row.configurationKnown === 0 ? row.configuration !== 0 : row.configurationKnown !== 1) ||
    (row.runKnown === 0 ? row.run !== 0 : row.runKnown !== 1) ||
    (row.subjectKey !== 0 && !hasObject && !isPlain) ||
    (row.actorKey !== 0 && !hasActor) ||
    (row.valuesCommitment !== '' && !isPlain) ||
    row.values.some(isUncoveredValue)
  );
}

function isUncoveredValue(value: Value): boolean {
  return (
    (value.setByKnown === 0 ? value.setBy !== 0 : value.setByKnown !== 1) ||
    (value.operation === 'add' && value.old !== '') ||
    (value.operation === 'remove' && value.new !== '') ||
    (value.type !== 'reference' && (value.reference !== NOBODY || value.key !== 0 || value.commitment !== ''))
  );
}

function namesLaterEvent(row: Row): boolean {
  const { sequence } = row;
  return (
    row.causes.some((cause) => cause >= sequence) ||
    row.root > sequence ||
    row.configuration > sequence ||
    row.run > sequence ||
    row.values.some(({ setBy, setByKnown }) => setByKnown !== 0 && setBy >= sequence)
  );
}
