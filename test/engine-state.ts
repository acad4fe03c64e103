// Compares the engine's state with what its log says, and with that of another world.
import assert from 'node:assert/strict';
import { dropEmpty, type Entry, type Held, type HeldAttributes, type MetaverseObject, plain } from '../engine/space.ts';
import { type FoldedEntry, type FoldedObject, type FoldedValue, foldEvents } from './engine-fold.ts';
import type { World } from './engine-world.ts';

/** The state that the engine keeps is the one that its log says. */
export function assertLogTellsState(world: World): void {
  const folded = foldEvents(world.events());
  const there = world.entries().filter(({ pending }) => pending?.kind !== 'delete');
  const entries = [...folded.entries]
    .filter(([, { gone }]) => !gone)
    .map(([id, entry]) => [id, plainEntry(entry)] as const);
  assert.deepEqual(
    Object.fromEntries(entries),
    Object.fromEntries(there.map((entry) => [entry.id, plainEntry(ownEntry(entry))] as const)),
  );
  const objects = [...folded.objects].map(([id, { attributes }]) => [id, plainObject(attributes)] as const);
  assert.deepEqual(
    Object.fromEntries(objects),
    Object.fromEntries(
      world.objects().map(({ id, attributes }) => [id, plainObject(ownAttributes(attributes))] as const),
    ),
  );
}

type Values = Map<string, FoldedValue>;

function ownValues(held: readonly Held[]): Values {
  return new Map(held.map(([value, setBy, reference]) => [value, { setBy, reference }]));
}

function ownAttributes(attributes: MetaverseObject['attributes']): FoldedObject['attributes'] {
  return new Map(
    Object.entries(attributes).map(
      ([name, { values, rule, entry }]) => [name, { values: ownValues(values), rule, entry }] as const,
    ),
  );
}

function plainObject(attributes: FoldedObject['attributes']): unknown {
  return inOrder(
    [...attributes].map(([name, held]) => [name, { ...held, values: inOrder([...held.values]) }] as const),
  );
}

function ownEntry(entry: Entry): FoldedEntry {
  const maps = (held: HeldAttributes): Map<string, Values> =>
    new Map(Object.entries(held).map(([name, values]) => [name, ownValues(values)]));
  const pending = ({ kind, event, root, newDn, attributes }: NonNullable<Entry['pendingExport']>) => ({
    kind,
    event,
    root,
    ...(newDn !== undefined && { newDn }),
    attributes: new Map(Object.entries(attributes)),
  });
  const { agent, type, anchor, dn, exists, image, object, pendingExport, escrowed, unconfirmed } = entry;
  return {
    agent,
    type,
    ...(anchor !== undefined && { anchor }),
    ...(dn !== undefined && { dn }),
    exists,
    image: maps(image),
    ...(object !== undefined && { object }),
    ...(pendingExport && { pending: pending(pendingExport) }),
    ...(escrowed && { escrowed: { event: escrowed.event, change: pending(escrowed.change) } }),
    ...(unconfirmed && {
      unconfirmed: {
        event: unconfirmed.event,
        deleted: unconfirmed.deleted,
        attributes: maps(unconfirmed.attributes),
        ...(unconfirmed.dn !== undefined && { dn: unconfirmed.dn }),
      },
    }),
    gone: false,
  };
}

function plainEntry({ image, pending, escrowed, unconfirmed, ...entry }: FoldedEntry): unknown {
  const flat = (attributes: Map<string, Values>) =>
    inOrder([...attributes].map(([name, values]) => [name, inOrder([...values])] as const));
  const change = (each: NonNullable<FoldedEntry['pending']>) => ({
    ...each,
    attributes: inOrder([...each.attributes].map(([name, values]) => [name, values.toSorted()] as const)),
  });
  return {
    ...entry,
    image: flat(image),
    pending: pending && change(pending),
    escrowed: escrowed && { event: escrowed.event, change: change(escrowed.change) },
    unconfirmed: unconfirmed && { ...unconfirmed, attributes: flat(unconfirmed.attributes) },
  };
}

/** Neither attributes nor values have an order that means anything. */
function inOrder(pairs: readonly (readonly [string, unknown])[]): unknown {
  return pairs.toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** What the engine knows, told without the ids and sequences that differ from one installation to the next. */
export function describeState(world: World): unknown {
  const objects = new Map(world.objects().map((object) => [object.id, object]));
  const nameOf = (id: string | undefined) => {
    const { id: byId, name } = objects.get(id ?? '')?.attributes ?? {};
    return id === undefined ? undefined : (byId ?? name)?.values[0]?.[0];
  };
  const entries = world.entries().map(
    ({ agent, type, anchor, dn, exists, image, object, wanted, disconnector, pendingExport }) =>
      [
        `${agent}/${type}/${anchor}`,
        {
          dn,
          exists,
          image: plain(image),
          object: nameOf(object),
          wanted: dropEmpty(wanted ?? {}),
          disconnector,
          pendingExport,
        },
      ] as const,
  );
  const held = [...objects.values()].map(
    ({ id, type, attributes }) =>
      [
        `${type}/${nameOf(id)}`,
        inOrder(
          Object.entries(attributes).map(([name, { values, rule }]) => [
            name,
            { rule, values: values.map(([value]) => (objects.has(value) ? nameOf(value) : value)).toSorted() },
          ]),
        ),
      ] as const,
  );
  return { entries: inOrder(entries), objects: inOrder(held), directory: world.directory() };
}
