// The engine's state computed from the change log alone, by code that shares nothing with the engine: what `replay` has
// to be able to do. A test compares it with the state that the engine keeps.
import type { ChangeEvent, EventValue } from '../ingest/event.ts';

/** A value's setter, and the object that it names. */
export interface FoldedValue {
  setBy: number;
  reference: string | undefined;
}
/** In no order. */
type Folded = Map<string, FoldedValue>;
type Attributes = Map<string, Folded>;

interface FoldedPending {
  kind: string;
  event: number;
  root: number;
  newDn?: string;
  /** Attribute to all its values after. */
  attributes: Map<string, string[]>;
}

export interface FoldedEntry {
  agent: string;
  type: string;
  anchor?: string;
  dn?: string;
  exists: boolean;
  image: Attributes;
  object?: string;
  pending?: FoldedPending;
  escrowed?: { event: number; change: FoldedPending };
  unconfirmed?: { event: number; deleted: boolean; attributes: Attributes; dn?: string };
  gone: boolean;
}

export interface FoldedObject {
  attributes: Map<string, { values: Folded; rule: string; entry: string }>;
}

interface FoldedState {
  entries: Map<string, FoldedEntry>;
  objects: Map<string, FoldedObject>;
}

export function foldEvents(events: readonly ChangeEvent[]): FoldedState {
  const state: FoldedState = { entries: new Map(), objects: new Map() };
  for (const event of events) {
    foldEntry(state, event);
    foldObject(state, event);
  }
  return state;
}

function apply(values: Folded | undefined, changes: readonly EventValue[], sequence: number): Folded {
  const after = new Map(values);
  for (const { old } of changes) if (old !== undefined) after.delete(old);
  for (const { new: value, reference } of changes)
    if (value !== undefined) after.set(value, { setBy: sequence, reference });
  return after;
}

function byAttribute(event: ChangeEvent): Map<string, EventValue[]> {
  const found = new Map<string, EventValue[]>();
  for (const value of event.values) {
    if (value.attribute === 'dn' || value.attribute === 'error-message') continue;
    found.set(value.attribute, [...(found.get(value.attribute) ?? []), value]);
  }
  return found;
}

function applyAll(attributes: Attributes, event: ChangeEvent): Attributes {
  const after = new Map(attributes);
  for (const [name, changes] of byAttribute(event)) {
    const values = apply(after.get(name), changes, event.sequence);
    if (values.size > 0) after.set(name, values);
    else after.delete(name);
  }
  return after;
}

/** What the connected system is expected to hold. */
function expected(entry: FoldedEntry): Attributes {
  if (!entry.unconfirmed) return entry.image;
  if (entry.unconfirmed.deleted) return new Map();
  const all = new Map([...entry.image, ...entry.unconfirmed.attributes]);
  return new Map([...all].filter(([, values]) => values.size > 0));
}

function foldEntry(state: FoldedState, event: ChangeEvent): void {
  if (event.entry === undefined) return;
  const entry: FoldedEntry = state.entries.get(event.entry) ?? {
    agent: event.agent ?? '',
    type: event.objectType ?? '',
    exists: false,
    image: new Map(),
    gone: false,
  };
  switch (event.stage) {
    case 'import':
      foldImport(state, entry, event);
      return;
    case 'confirmation':
      foldConfirmation(state, entry, event);
      return;
    case 'export-flow':
      foldPending(state, entry, event);
      return;
    case 'export':
      foldExport(entry, event);
      return;
    default:
      foldLink(state, entry, event);
  }
}

/** The event says what the entry is called now. */
function name(entry: FoldedEntry, event: ChangeEvent): void {
  if (event.dn !== undefined) entry.dn = event.dn;
  if (event.anchor !== undefined) entry.anchor = event.anchor;
}

function foldImport(state: FoldedState, entry: FoldedEntry, event: ChangeEvent): void {
  switch (event.outcome) {
    case 'stage-add':
      Object.assign(entry, { exists: true, gone: false, image: applyAll(new Map(), event) });
      name(entry, event);
      state.entries.set(event.entry ?? '', entry);
      return;
    case 'reference-resolved':
      entry.image = applyAll(entry.image, event);
      return;
    case 'stage-update':
    case 'stage-rename':
      delete entry.escrowed;
      entry.image = applyAll(entry.image, event);
      name(entry, event);
      return;
    case 'stage-delete':
      Object.assign(entry, { exists: false, gone: true, image: new Map() });
  }
}

function foldConfirmation(state: FoldedState, entry: FoldedEntry, event: ChangeEvent): void {
  if (event.operation === 'delete') {
    state.entries.delete(event.entry ?? '');
    return;
  }
  if (entry.unconfirmed?.deleted && entry.object === undefined)
    entry.pending = { kind: 'delete', event: event.sequence, root: event.root, attributes: new Map() };
  entry.image = expected(entry);
  delete entry.unconfirmed;
}

function foldPending(state: FoldedState, entry: FoldedEntry, event: ChangeEvent): void {
  if (event.outcome === 'connector-flow') {
    name(entry, event);
    entry.pending = pendingOf(entry, event);
    return;
  }
  delete entry.pending;
  // One that was never made gives way.
  if (!entry.exists) state.entries.delete(event.entry ?? '');
}

function foldExport(entry: FoldedEntry, event: ChangeEvent): void {
  if (event.outcome === 'export-failure') delete entry.escrowed;
  else if (event.outcome === 'export-intent') {
    const change = event.operation === 'delete' ? entry.pending : (entry.escrowed?.change ?? entry.pending);
    if (change) entry.escrowed = { event: event.sequence, change };
  } else foldExported(entry, event);
}

/** What makes an entry a connector of an object, or ends that. */
function foldLink(state: FoldedState, entry: FoldedEntry, event: ChangeEvent): void {
  const { stage, outcome, object } = event;
  if (stage === 'provisioning' || outcome === 'disconnector-joined' || outcome === 'disconnector-projected') {
    if (object !== undefined) entry.object = object;
    if (stage === 'provisioning') {
      delete entry.pending;
      name(entry, event);
    }
    state.entries.set(event.entry ?? '', entry);
  } else if (outcome === 'connector-filtered') delete entry.object;
  else if (stage === 'deprovisioning') unlink(state, entry, event);
  else if (stage === 'recall' || stage === 'deletion') {
    delete entry.object;
    if (entry.gone) state.entries.delete(event.entry ?? '');
  }
}

function unlink(state: FoldedState, entry: FoldedEntry, event: ChangeEvent): void {
  delete entry.object;
  delete entry.pending;
  const isDelete = event.outcome === 'deprovisioned-delete';
  if (!entry.exists && !entry.gone && !(entry.escrowed && isDelete)) {
    state.entries.delete(event.entry ?? '');
    return;
  }
  if (isDelete && !entry.gone)
    entry.pending = { kind: 'delete', event: event.sequence, root: event.root, attributes: new Map() };
}

function pendingOf(entry: FoldedEntry, event: ChangeEvent): FoldedPending {
  const before = expected(entry);
  const attributes = new Map(
    [...byAttribute(event)].map(([name, changes]) => [name, [...apply(before.get(name), changes, 0).keys()]]),
  );
  const dn = event.operation === 'rename' ? event.values.find(({ attribute }) => attribute === 'dn')?.new : undefined;
  return {
    kind: event.operation,
    event: event.sequence,
    root: event.root,
    attributes,
    ...(dn !== undefined && { newDn: dn }),
  };
}

function foldExported(entry: FoldedEntry, event: ChangeEvent): void {
  name(entry, event);
  const before = expected(entry);
  const attributes: Attributes = new Map(entry.unconfirmed?.attributes);
  for (const [name, changes] of byAttribute(event))
    attributes.set(name, apply(before.get(name), changes, event.sequence));
  const dn = event.operation === 'add' || event.operation === 'rename' ? event.dn : entry.unconfirmed?.dn;
  const deleted = event.operation === 'delete';
  entry.unconfirmed = { event: event.sequence, deleted, attributes, ...(dn !== undefined && { dn }) };
  // Only a delete that was decided after this was handed out stays pending.
  const sent = entry.escrowed?.change.event ?? entry.pending?.event;
  if (entry.pending?.kind !== 'delete' || entry.pending.event === sent) delete entry.pending;
  delete entry.escrowed;
  entry.exists = true;
}

function foldObject(state: FoldedState, event: ChangeEvent): void {
  if (event.object === undefined) return;
  const object = state.objects.get(event.object);
  switch (event.stage) {
    case 'projection':
      state.objects.set(event.object, { attributes: new Map() });
      return;
    case 'deletion':
      state.objects.delete(event.object);
      return;
    case 'import-flow':
    case 'recall':
      if (!object) return;
      if (event.outcome === 'contributor-changed') {
        const attribute = object.attributes.get(event.rule?.split('/')[2] ?? '');
        if (attribute) Object.assign(attribute, { rule: event.rule, entry: event.entry });
      } else if (event.outcome === 'connector-flow' || event.stage === 'recall') foldValues(state, object, event);
  }
}

function foldValues(state: FoldedState, object: FoldedObject, event: ChangeEvent): void {
  for (const [name, changes] of byAttribute(event)) {
    const values = apply(object.attributes.get(name)?.values, changes, event.sequence);
    const rule = changes[0]?.rule ?? '';
    if (values.size === 0) object.attributes.delete(name);
    else object.attributes.set(name, { values, rule, entry: contributorOf(state, event.object ?? '', rule) });
  }
}

/** The rule names agent and type; an object has one connector of each. */
function contributorOf(state: FoldedState, object: string, rule: string): string {
  const [agent, type] = rule.split('/');
  const found = [...state.entries].filter(
    ([, entry]) => entry.object === object && entry.agent === agent && entry.type === type && !entry.gone,
  );
  return found.length === 1 ? (found[0]?.[0] ?? '') : `${found.length} connectors of ${agent}/${type}`;
}
