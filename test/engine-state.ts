// What a world has come to, compared with that of another world.
import { dropEmpty, plain } from '../engine/space.ts';
import type { World } from './engine-world.ts';

/** Neither attributes nor values have an order that means anything. */
function inOrder(pairs: readonly (readonly [string, unknown])[]): unknown {
  return pairs.toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** Several values are in the order in which they came. */
function inOrderOf(attributes: Record<string, readonly string[]>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(attributes).map(([name, values]) => [name, values.toSorted()] as const));
}

function directoryOf(world: World): unknown {
  return Object.fromEntries(Object.entries(world.directory()).map(([dn, attributes]) => [dn, inOrderOf(attributes)]));
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
          image: inOrderOf(plain(image)),
          object: nameOf(object),
          wanted: inOrderOf(dropEmpty(wanted ?? {})),
          disconnector,
          pendingExport: pendingExport && { ...pendingExport, attributes: inOrderOf(pendingExport.attributes) },
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
  return { entries: inOrder(entries), objects: inOrder(held), directory: directoryOf(world) };
}
