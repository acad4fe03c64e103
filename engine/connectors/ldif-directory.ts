// The records of an LDIF file as a tree in memory: found by name and by anchor, moved with all that stands below, the
// references to what was moved rewritten. Which changes are allowed is decided in ldif-changes.ts.
import { DnSyntaxError, dnKey, isKeyBelow, parseDn, withTail } from './dn.ts';
import type { LdifRecord, LdifValue } from './ldif-format.ts';
import { findType, type LdifSchema, type LdifType, readAnchor } from './ldif-schema.ts';

export interface LdifNode {
  record: LdifRecord;
  key: string;
  type: LdifType | undefined;
}

export class LdifDirectory {
  readonly schema: LdifSchema;
  /** Whether anything differs from the file. */
  isChanged = false;
  /** In the order of the file; also those whose name is malformed or there twice, which cannot be found by name. */
  readonly #records: Set<LdifRecord>;
  readonly #nodes = new Map<string, LdifNode>();
  readonly #anchors = new Map<string, LdifNode>();
  readonly #children = new Map<string, number>();
  /** Key of a name to the records that may refer to it; made when first something is moved. */
  #referrers: Map<string, Set<LdifRecord>> | undefined;
  readonly #keys = new Map<string, string | undefined>();

  constructor(schema: LdifSchema, records: readonly LdifRecord[]) {
    this.schema = schema;
    this.#records = new Set(records);
    for (const record of records) {
      const key = this.keyOf(record.dn);
      if (key !== undefined && !this.#nodes.has(key)) this.#enter(record, key);
    }
  }

  records(): LdifRecord[] {
    return [...this.#records];
  }

  find(key: string): LdifNode | undefined {
    return this.#nodes.get(key);
  }

  findAnchor(type: string, anchor: string): LdifNode | undefined {
    return this.#anchors.get(`${type}\0${anchor}`);
  }

  hasChildren(key: string): boolean {
    return (this.#children.get(key) ?? 0) > 0;
  }

  /** The key of a name; undefined: it is none. Remembered, because members are named over and over. */
  keyOf(dn: string): string | undefined {
    if (this.#keys.has(dn)) return this.#keys.get(dn);
    const key = readKey(dn);
    this.#keys.set(dn, key);
    return key;
  }

  add(record: LdifRecord, key: string): void {
    this.#records.add(record);
    this.#enter(record, key);
    this.#noteReferences(record);
    this.isChanged = true;
  }

  remove(node: LdifNode): void {
    this.#records.delete(node.record);
    this.#leave(node);
    this.isChanged = true;
  }

  /** The anchor must stay what it was. */
  setValues(node: LdifNode, values: LdifValue[]): void {
    node.record.values = values;
    this.#noteReferences(node.record);
    this.isChanged = true;
  }

  /** Moves the node and all below it, and rewrites every reference to any of them. */
  move(node: LdifNode, newDn: string, newKey: string): void {
    const oldKey = node.key;
    const depth = parseDn(node.record.dn).length;
    const below = this.hasChildren(oldKey)
      ? [...this.#nodes.values()].filter(({ key }) => isKeyBelow(key, oldKey))
      : [];
    const moved = new Map<string, string>([[oldKey, newDn]]);
    const targets = [{ node, dn: newDn, key: newKey }];
    for (const child of below) {
      const dn = withTail(child.record.dn, parseDn(child.record.dn).length - depth, newDn);
      moved.set(child.key, dn);
      targets.push({ node: child, dn, key: child.key.slice(0, -oldKey.length) + newKey });
    }
    if (parentKey(oldKey) !== parentKey(newKey)) this.#putLast(targets.map((target) => target.node.record));
    for (const target of targets) this.#leave(target.node);
    for (const target of targets) {
      target.node.record.dn = target.dn;
      this.#enter(target.node.record, target.key);
    }
    for (const [key, dn] of moved) this.#rewriteReferences(key, dn);
    this.isChanged = true;
  }

  #enter(record: LdifRecord, key: string): void {
    const node: LdifNode = { record, key, type: findType(this.schema, record, key) };
    this.#nodes.set(key, node);
    this.#count(key, 1);
    const anchor = anchorKey(node);
    if (anchor !== undefined && !this.#anchors.has(anchor)) this.#anchors.set(anchor, node);
  }

  #leave(node: LdifNode): void {
    this.#nodes.delete(node.key);
    this.#count(node.key, -1);
    const anchor = anchorKey(node);
    if (anchor !== undefined && this.#anchors.get(anchor) === node) this.#anchors.delete(anchor);
  }

  /** Whoever loads the file expects a parent before its children, so what gets another parent goes to the end. */
  #putLast(moved: readonly LdifRecord[]): void {
    const chosen = new Set(moved);
    for (const record of [...this.#records].filter((found) => chosen.has(found))) {
      this.#records.delete(record);
      this.#records.add(record);
    }
  }

  #count(key: string, step: number): void {
    const parent = parentKey(key);
    this.#children.set(parent, (this.#children.get(parent) ?? 0) + step);
  }

  #noteReferences(record: LdifRecord): void {
    if (this.#referrers === undefined) return;
    for (const value of record.values) {
      const key = this.#referredKey(value);
      if (key === undefined) continue;
      const referrers = this.#referrers.get(key) ?? new Set();
      this.#referrers.set(key, referrers.add(record));
    }
  }

  #referredKey(value: LdifValue): string | undefined {
    if (value.base64 || !this.schema.references.has(value.type.toLowerCase())) return undefined;
    return this.keyOf(value.value);
  }

  #rewriteReferences(oldKey: string, newDn: string): void {
    if (this.#referrers === undefined) {
      this.#referrers = new Map();
      for (const record of this.#records) this.#noteReferences(record);
    }
    const referrers = this.#referrers.get(oldKey) ?? [];
    for (const record of [...referrers].filter((found) => this.#records.has(found))) {
      record.values = this.#withReference(record.values, oldKey, newDn);
      this.#noteReferences(record);
    }
  }

  #withReference(values: readonly LdifValue[], oldKey: string, newDn: string): LdifValue[] {
    const newKey = this.keyOf(newDn);
    const named = new Set<string>();
    const rewritten: LdifValue[] = [];
    for (const value of values) {
      const key = this.#referredKey(value);
      const isOld = key === oldKey;
      if (isOld || (key !== undefined && key === newKey)) {
        // Who was there under both names is there once.
        const type = value.type.toLowerCase();
        if (named.has(type)) continue;
        named.add(type);
      }
      rewritten.push(isOld ? { type: value.type, value: newDn } : value);
    }
    return rewritten;
  }
}

function anchorKey({ type, record }: LdifNode): string | undefined {
  const anchor = type === undefined ? undefined : readAnchor(type, record.values);
  return type === undefined || anchor === undefined ? undefined : `${type.type.name}\0${anchor}`;
}

function parentKey(key: string): string {
  // In a key a comma is always a border.
  const border = key.indexOf(',');
  return border === -1 ? '' : key.slice(border + 1);
}

function readKey(dn: string): string | undefined {
  try {
    return dnKey(dn);
  } catch (error) {
    if (error instanceof DnSyntaxError) return undefined;
    throw error;
  }
}
