// How entries and objects are found: each index is a name with values, kept with the state itself.

import type { Configuration } from './configuration/model.ts';
import type { ConnectorAttribute } from './connector.ts';
import { dnKey } from './connectors/dn.ts';
import { type Entry, expectedImage, type HeldAttributes, type MetaverseObject } from './space.ts';

const join = (...parts: string[]): string => JSON.stringify(parts);

export const entryIndex = {
  anchor: (agent: string, type: string, anchor: string) => join(agent, type, anchor),
  dn: (agent: string, dn: string) => join(agent, safeDnKey(dn)),
  /** Entries of an agent that the next synchronisation looks at. */
  due: (agent: string) => agent,
  /** Entries of an agent with something to export. */
  export: (agent: string) => agent,
  ofAgent: (agent: string, type: string) => join(agent, type),
  /** An entry as the target of references by this attribute, anchor or dn. */
  target: (agent: string, type: string, by: string, value: string) =>
    join(agent, type, by, by === 'dn' ? safeDnKey(value) : value),
};

export const objectIndex = {
  attribute: (type: string, attribute: string, value: string) => join(type, attribute, value),
};

/** A value from a connected system that should be a DN may be none; then it is compared as it is. */
export function safeDnKey(dn: string): string {
  try {
    return dnKey(dn);
  } catch {
    return dn;
  }
}

/** The values that an entry can be referred to by. An entry that is gone cannot. */
export function targetKeys(entry: Entry, image: HeldAttributes, configuration: Configuration): string[] {
  if (entry.pending?.kind === 'delete') return [];
  const keys: string[] = [];
  const add = (by: string, value: string | undefined) => {
    if (value !== undefined) keys.push(entryIndex.target(entry.agent, entry.type, by, value));
  };
  for (const by of referenceKeysOf(configuration, entry.agent, entry.type)) {
    if (by === 'anchor') add(by, entry.anchor);
    else if (by === 'dn') add(by, entry.dn);
    else for (const [value] of image[by] ?? []) add(by, value);
  }
  return keys;
}

/** The keys of everything that an entry refers to. */
export function referenceKeys(entry: Entry, image: HeldAttributes, configuration: Configuration): string[] {
  const schema = configuration.agents.get(entry.agent)?.types.get(entry.type)?.schema;
  if (!schema) return [];
  return [...schema.attributes.values()].flatMap((attribute) =>
    (image[attribute.name] ?? []).flatMap(([value]) => keysOfReference(entry.agent, attribute, value)),
  );
}

export function keysOfReference(agent: string, attribute: ConnectorAttribute, value: string): string[] {
  const { reference } = attribute;
  return reference ? reference.objects.map((type) => entryIndex.target(agent, type, reference.by, value)) : [];
}

const referenceKeysCache = new WeakMap<Configuration, Map<string, string[]>>();

/** By which attributes (or anchor, dn) other objects of the agent refer to objects of this type. */
function referenceKeysOf(configuration: Configuration, agent: string, type: string): string[] {
  const cache = referenceKeysCache.get(configuration) ?? new Map<string, string[]>();
  referenceKeysCache.set(configuration, cache);
  const key = join(agent, type);
  const known = cache.get(key);
  if (known) return known;
  const keys = new Set<string>();
  for (const other of configuration.agents.get(agent)?.types.values() ?? []) {
    for (const { reference } of other.schema.attributes.values())
      if (reference?.objects.includes(type)) keys.add(reference.by);
  }
  cache.set(key, [...keys]);
  return [...keys];
}

export function indexEntry(entry: Entry, configuration: Configuration): Record<string, string[]> {
  const image = expectedImage(entry);
  const due =
    entry.pending !== undefined ||
    entry.retry !== undefined ||
    (entry.object === undefined && entry.disconnector !== 'explicit');
  return {
    all: [entryIndex.ofAgent(entry.agent, entry.type)],
    ...(entry.anchor !== undefined && { anchor: [entryIndex.anchor(entry.agent, entry.type, entry.anchor)] }),
    ...(entry.dn !== undefined && { dn: [entryIndex.dn(entry.agent, entry.dn)] }),
    ...(entry.object !== undefined && { object: [entry.object] }),
    ...(due && { due: [entryIndex.due(entry.agent)] }),
    ...((entry.pendingExport || entry.escrowed) && { export: [entryIndex.export(entry.agent)] }),
    target: targetKeys(entry, image, configuration),
    refers: referenceKeys(entry, entry.image, configuration),
  };
}

const joinAttributesCache = new WeakMap<Configuration, Map<string, Set<string>>>();

function joinAttributesOf(configuration: Configuration): Map<string, Set<string>> {
  const known = joinAttributesCache.get(configuration);
  if (known) return known;
  const found = new Map<string, Set<string>>();
  for (const agent of configuration.agents.values()) {
    for (const { join: rule } of agent.types.values()) {
      if (!rule) continue;
      const names = found.get(rule.objectType) ?? new Set();
      found.set(rule.objectType, names);
      for (const criterion of rule.criteria) for (const pair of criterion) names.add(pair.metaverse);
    }
  }
  joinAttributesCache.set(configuration, found);
  return found;
}

export function indexObject(object: MetaverseObject, configuration: Configuration): Record<string, string[]> {
  const schema = configuration.metaverse.get(object.type);
  const joinable = [...(joinAttributesOf(configuration).get(object.type) ?? [])].flatMap((attribute) =>
    (object.attributes[attribute]?.values ?? []).map(([value]) => objectIndex.attribute(object.type, attribute, value)),
  );
  const referred = Object.entries(object.attributes)
    .filter(([name]) => schema?.attributes.get(name)?.type === 'reference')
    .flatMap(([, attribute]) => attribute.values.map(([id]) => id));
  return { type: [object.type], attribute: joinable, refers: referred };
}
