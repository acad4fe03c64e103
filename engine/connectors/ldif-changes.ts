// One change to a directory, by the rules an LDAP server has. Each change is carried out or refused as a whole; one
// that was carried out before succeeds again, because a run that was killed repeats its last batch.
import type { ExportChange, ExportResult } from '../connector.ts';
import { isKeyBelow, parentDn, rdnOf } from './dn.ts';
import type { LdifDirectory, LdifNode } from './ldif-directory.ts';
import type { LdifValue } from './ldif-format.ts';
import { type LdifType, readAnchor, readClasses } from './ldif-schema.ts';
import {
  type Fault,
  hasValue,
  holdSame,
  holdsRdn,
  type NewValues,
  readNewValues,
  setColumns,
  violation,
  withoutRdn,
  withRdn,
} from './ldif-values.ts';

const GENERATED_ANCHOR = 'entryuuid';
/** Object classes that must not be without members (RFC 4519). */
const MEMBER_OF_CLASS: Readonly<Record<string, string>> = {
  groupofnames: 'member',
  groupofuniquenames: 'uniqueMember',
};

interface Given {
  change: ExportChange;
  type: LdifType;
  key: string;
  values: NewValues;
}

type Done = { anchor?: string };

/** `newUuid` names added entries whose anchor is entryUUID. */
export function applyChange(directory: LdifDirectory, change: ExportChange, newUuid: () => string): ExportResult {
  const given = readChange(directory, change);
  const outcome = 'error' in given ? given : carryOut(directory, given, newUuid);
  if (!('error' in outcome)) return { id: change.id, ...outcome };
  return { id: change.id, error: outcome.error, message: `${change.dn} ${outcome.problem}.` };
}

function readChange(directory: LdifDirectory, change: ExportChange): Given | Fault {
  const type = directory.schema.types.find((found) => found.type.name === change.type);
  if (type === undefined) {
    return {
      error: 'no-export-to-this-object-type',
      problem: `is of the type ${change.type}, which this agent does not have: declare it`,
    };
  }
  const key = directory.keyOf(change.dn);
  if (key === undefined || key === '') return invalidDn('is no distinguished name');
  const values = readNewValues(directory, type, change.attributes);
  return values instanceof Map ? { change, type, key, values } : values;
}

function carryOut(directory: LdifDirectory, given: Given, newUuid: () => string): Done | Fault {
  switch (given.change.kind) {
    case 'add':
      return addEntry(directory, given, newUuid);
    case 'update':
      return updateEntry(directory, given);
    case 'rename':
      return renameEntry(directory, given);
    case 'delete':
      return deleteEntry(directory, given);
  }
}

function addEntry(directory: LdifDirectory, given: Given, newUuid: () => string): Done | Fault {
  const { change, type, key } = given;
  const values = withRdn(setColumns(classValues(given), withoutClasses(given.values)), rdnOf(change.dn));
  const isGenerated = isUuidAnchor(type) && !hasValue(values, type.anchor.column);
  const existing = directory.find(key);
  if (existing !== undefined) return repeatAdd(directory, given, existing, values, isGenerated);
  const parent = directory.keyOf(parentDn(change.dn) ?? '');
  if (parent !== undefined && parent !== '' && directory.find(parent) === undefined) return noParent(change.dn);
  if (isGenerated) values.push({ type: type.anchor.column, value: newUuid() });
  const anchor = readAnchor(type, values);
  if (anchor === undefined) {
    return {
      error: 'missing-anchor-component',
      problem: `cannot be added without one ${type.anchor.column}: flow it, or make entryUUID the anchor`,
    };
  }
  if (directory.findAnchor(type.type.name, anchor) !== undefined) {
    return { error: 'duplicate-anchor', problem: `cannot be added: another entry has its ${type.anchor.column}` };
  }
  const fault = checkClasses(values, type) ?? checkMembers(values);
  if (fault !== undefined) return fault;
  directory.add({ dn: change.dn, values, line: 0 }, key);
  return { anchor };
}

function repeatAdd(
  directory: LdifDirectory,
  given: Given,
  existing: LdifNode,
  values: readonly LdifValue[],
  isGenerated: boolean,
): Done | Fault {
  const { type } = given;
  const apart = isGenerated ? type.anchor.column : undefined;
  const anchor = readAnchor(type, existing.record.values);
  const isRepeated = existing.type === type && holdSame(directory, existing.record.values, values, apart);
  if (isRepeated && anchor !== undefined) return { anchor };
  return { error: 'cd-existing-object', problem: 'is there already, with other attributes: import it and join it' };
}

function updateEntry(directory: LdifDirectory, given: Given): Done | Fault {
  const node = locate(directory, given);
  return 'error' in node ? node : writeValues(directory, given, node, setColumns(node.record.values, given.values));
}

function renameEntry(directory: LdifDirectory, given: Given): Done | Fault {
  const { change, key } = given;
  const newDn = change.newDn ?? '';
  const newKey = directory.keyOf(newDn);
  if (newKey === undefined || newKey === '')
    return invalidDn('cannot be renamed: the new name is no distinguished name');
  const target = directory.find(newKey);
  if (target !== undefined && newKey !== key) {
    if (!wasRenamed(directory, given, target)) {
      return {
        error: 'rename-to-existing-dn',
        problem: `cannot be renamed: ${newDn} is there already; import it first`,
      };
    }
    const values = withRdn(setColumns(target.record.values, given.values), rdnOf(newDn));
    return writeValues(directory, { ...given, key: newKey }, target, values);
  }
  const node = locate(directory, given);
  if ('error' in node) return node;
  if (isKeyBelow(newKey, key)) return invalidDn(`cannot be moved below itself, to ${newDn}`);
  const parent = directory.keyOf(parentDn(newDn) ?? '');
  if (parent !== undefined && parent !== '' && directory.find(parent) === undefined) return noParent(newDn);
  const kept = withoutRdn(node.record.values, rdnOf(node.record.dn), given.values);
  const values = withRdn(setColumns(kept, given.values), rdnOf(newDn));
  const done = writeValues(directory, { ...given, change: { ...change, dn: newDn } }, node, values);
  if (!('error' in done) && node.record.dn !== newDn) directory.move(node, newDn, newKey);
  return done;
}

/** The new name is there because this very rename was carried out before. */
function wasRenamed(directory: LdifDirectory, { change, type, key }: Given, target: LdifNode): boolean {
  if (change.anchor !== undefined) return directory.findAnchor(change.type, change.anchor) === target;
  return directory.find(key) === undefined && target.type === type;
}

function deleteEntry(directory: LdifDirectory, given: Given): Done | Fault {
  const node = locate(directory, given);
  if ('error' in node) return isGone(directory, given) ? {} : node;
  if (directory.hasChildren(given.key)) {
    return {
      error: 'unsupported-container-delete',
      problem: 'cannot be deleted while entries stand below it: delete or move those first',
    };
  }
  directory.remove(node);
  return {};
}

/** The entry was deleted before; another of its type may have been given its name since. */
function isGone(directory: LdifDirectory, { change, type, key }: Given): boolean {
  if (change.anchor !== undefined && directory.findAnchor(change.type, change.anchor) !== undefined) return false;
  const node = directory.find(key);
  if (node === undefined) return true;
  return change.anchor !== undefined && node.type === type && readAnchor(type, node.record.values) !== undefined;
}

/** The entry that the change is about: of that name and type, and where the anchor is known, of that anchor. */
function locate(directory: LdifDirectory, { change, type, key }: Given): LdifNode | Fault {
  const node = directory.find(key);
  const meant = change.anchor === undefined ? undefined : directory.findAnchor(change.type, change.anchor);
  if (node?.type === type && (change.anchor === undefined || node === meant)) return node;
  const where = meant === undefined ? 'is not there' : `is at ${meant.record.dn} now`;
  const problem = node === undefined ? where : `is another entry now; the one meant ${where}`;
  return { error: 'cd-missing-object', problem: `${problem}: import the directory and synchronise again` };
}

function writeValues(directory: LdifDirectory, given: Given, node: LdifNode, values: LdifValue[]): Done | Fault {
  const { type, change } = given;
  const before = readAnchor(type, node.record.values);
  if (before !== undefined && readAnchor(type, values) !== before) {
    return {
      error: 'readonly-attribute',
      problem: `cannot change its ${type.anchor.column}, the anchor: declare another anchor, or delete and add the entry`,
    };
  }
  const lost = rdnOf(change.kind === 'rename' ? (change.newDn ?? change.dn) : change.dn).find(
    (part) => !holdsRdn(values, part),
  );
  if (lost !== undefined) {
    return {
      error: 'modify-naming-attribute',
      problem: `cannot lose the ${lost.attribute} that it is named by: rename it instead`,
    };
  }
  const fault = checkMembers(values);
  if (fault !== undefined) return fault;
  if (!holdSame(directory, node.record.values, values, undefined)) directory.setValues(node, values);
  return {};
}

function checkClasses(values: readonly LdifValue[], type: LdifType): Fault | undefined {
  const classes = readClasses(values);
  if (classes.size === 0) {
    return violation(`cannot be added without object classes: declare objectClasses for ${type.type.name}`);
  }
  if (classes.has(type.objectClass)) return undefined;
  return violation(
    `cannot be added without the object class ${type.type.objectClass}, by which ${type.type.name} is known: name it in objectClasses`,
  );
}

function checkMembers(values: readonly LdifValue[]): Fault | undefined {
  for (const name of readClasses(values)) {
    const member = MEMBER_OF_CLASS[name];
    if (member !== undefined && !hasValue(values, member)) {
      return violation(
        `cannot be without ${member}, of which its object class demands one: keep one, or delete the group`,
      );
    }
  }
  return undefined;
}

/** The object classes of an added entry: those declared for its type, then those flowed to it. */
function classValues({ type, values }: Given): LdifValue[] {
  const flowed = [...values].flatMap(([column, given]) =>
    isClassColumn(column) ? given.map(({ value }) => value) : [],
  );
  const names = new Map([...(type.type.objectClasses ?? []), ...flowed].map((name) => [name.toLowerCase(), name]));
  return [...names.values()].map((value) => ({ type: 'objectClass', value }));
}

function withoutClasses(values: NewValues): NewValues {
  return new Map([...values].filter(([column]) => !isClassColumn(column)));
}

function isClassColumn(column: string): boolean {
  return column.toLowerCase() === 'objectclass';
}

function isUuidAnchor(type: LdifType): boolean {
  return type.anchor.column.toLowerCase() === GENERATED_ANCHOR;
}

function noParent(dn: string): Fault {
  return {
    error: 'non-existent-parent',
    problem: `cannot be put there: its parent ${parentDn(dn)} does not exist; add the parent first`,
  };
}

function invalidDn(problem: string): Fault {
  return { error: 'invalid-dn', problem: `${problem}: correct the rule that makes the name` };
}
