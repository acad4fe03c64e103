// What a change is about, in the words of OCSF: a user (a person, or an account of one), a group, or any other entity.
import type { Agent, Configuration } from '../../engine/configuration/model.ts';
import { type ChangeEvent, MARKS } from '../../ingest/event.ts';

export interface Subject {
  kind: 'user' | 'group' | 'entity';
  /** As a connected system has it; else as the metaverse has it, or as this installation does. */
  isEntry: boolean;
}

/** Outcomes of an import flow whose object type is the metaverse's. */
const OF_THE_METAVERSE = ['connector-flow', 'contributor-changed', 'skipped-not-precedent'];

/** What has no object, a run, a configuration, a read and the like, is an entity. */
export function subjectOf(event: ChangeEvent, configuration: Configuration): Subject {
  const { agent, objectType } = event;
  if (objectType === undefined) return { kind: 'entity', isEntry: false };
  const stage = event.stage === 'baseline' ? event.stepKind : event.stage;
  const isOfMetaverse =
    agent === undefined ||
    stage === 'recall' ||
    stage === 'deletion' ||
    (stage === 'import-flow' && OF_THE_METAVERSE.includes(event.outcome));
  if (isOfMetaverse) return { kind: kindOfObject(objectType, configuration), isEntry: false };
  const kind = kindOfEntry(objectType, configuration.agents.get(agent), configuration);
  // A projection makes the object: the person, not an account of theirs.
  return { kind, isEntry: stage !== 'projection' };
}

/** By the type in the metaverse; one that the configuration does not have any more is an entity. */
export function kindOfObject(name: string, { metaverse }: Configuration): Subject['kind'] {
  const type = metaverse.get(name);
  if (type?.about === 'person') return 'user';
  return type && hasMembers(type.attributes) ? 'group' : 'entity';
}

function kindOfEntry(name: string, agent: Agent | undefined, configuration: Configuration): Subject['kind'] {
  const type = agent?.types.get(name);
  if (!type) return kindOfObject(name, configuration);
  const { importTo, projection, join, provisioning } = type;
  const inMetaverse = importTo ?? projection ?? join?.objectType ?? provisioning?.objectType;
  const kind = inMetaverse === undefined ? 'entity' : kindOfObject(inMetaverse, configuration);
  return kind === 'entity' && hasMembers(type.schema.attributes) ? 'group' : kind;
}

/** A group is what has members: several references that are an entitlement. */
function hasMembers(attributes: ReadonlyMap<string, { type: string; multivalued: boolean; marks: number }>): boolean {
  return [...attributes.values()].some(
    ({ type, multivalued, marks }) => type === 'reference' && multivalued && (marks & MARKS.entitlement) !== 0,
  );
}
