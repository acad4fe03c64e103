// Resolves what a reference value of an entry names: by anchor, DN or an attribute of other entries of the same agent.
// A name that nobody has, or that several have, is recorded and never guessed at.
import { MARKS } from '../ingest/event.ts';
import type { AgentType } from './configuration/model.ts';
import type { ConnectorAttribute } from './connector.ts';
import type { AttributeSchema } from './difference.ts';
import { keysOfReference } from './indexes.ts';
import type { Entry } from './space.ts';
import type { Unit } from './unit.ts';

export type Resolved =
  | { outcome: 'resolved'; entry: Entry }
  /** The entry is there but not joined to an object yet. */
  | { outcome: 'not-joined'; entry: Entry }
  | { outcome: 'unresolved-reference' }
  | { outcome: 'ambiguous-reference' };

export function resolveReference(unit: Unit, agent: string, attribute: ConnectorAttribute, value: string): Resolved {
  const found = new Set(keysOfReference(agent, attribute, value).flatMap((key) => unit.find('entry', 'target', key)));
  const entries = [...found].map((id) => unit.entry(id)).filter((entry) => entry !== undefined);
  const [entry] = entries;
  if (!entry) return { outcome: 'unresolved-reference' };
  if (entries.length > 1) return { outcome: 'ambiguous-reference' };
  return { outcome: entry.object === undefined ? 'not-joined' : 'resolved', entry };
}

/** The metaverse object that a reference value of an agent's object type names, where that is certain. */
export function referencedObject(
  unit: Unit,
  agent: string,
  type: AgentType,
  attribute: string,
  value: string,
): string | undefined {
  const schema = type.schema.attributes.get(attribute);
  if (!schema?.reference) return undefined;
  const resolved = resolveReference(unit, agent, schema, value);
  return resolved.outcome === 'resolved' ? resolved.entry.object : undefined;
}

export function connectorAttributeSchema(type: AgentType): (attribute: string) => AttributeSchema {
  return (name) => {
    const attribute = type.schema.attributes.get(name);
    // An attribute that a former configuration declared: its values leave the log as personal ones.
    if (!attribute) return { type: 'string', marks: MARKS.personal, comparesAsDn: false };
    const placeholder = type.exportFlows.find(({ to }) => to === name)?.whenEmpty;
    return {
      type: attribute.type,
      marks: attribute.marks,
      comparesAsDn: attribute.reference?.by === 'dn',
      placeholder,
    };
  };
}
