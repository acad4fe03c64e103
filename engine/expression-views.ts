// Objects and entries as the expressions of the configuration see them.
import type { AgentType, MetaverseType } from './configuration/model.ts';
import type { Attributes, AttributeType } from './connector.ts';
import type { MetaverseObject } from './space.ts';

function typed(type: AttributeType, value: string): unknown {
  if (type === 'boolean') return value === 'true';
  if (type === 'integer' && /^-?\d{1,18}$/.test(value)) return BigInt(value);
  return value;
}

function viewOf(
  attribute: { type: AttributeType; multivalued: boolean } | undefined,
  values: readonly string[],
): unknown {
  if (!attribute || attribute.multivalued) return [...values];
  return typed(attribute.type, values[0] ?? '');
}

export function entryView(type: AgentType, attributes: Attributes): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, values]) => [name, viewOf(type.schema.attributes.get(name), values)]),
  );
}

export function objectView(schema: MetaverseType, object: MetaverseObject): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(object.attributes).map(([name, { values }]) => [
      name,
      viewOf(
        schema.attributes.get(name),
        values.map(([value]) => value),
      ),
    ]),
  );
}
