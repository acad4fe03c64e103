import { toValues } from './configuration/expressions.ts';
import type { AgentType } from './configuration/model.ts';
import type { Attributes } from './connector.ts';
import { entryView } from './expression-views.ts';

/** The attributes of an entry with those that the configuration computes. Throws RuleError. */
export function withComputed(type: AgentType, attributes: Attributes): Attributes {
  if (type.computed.length === 0) return attributes;
  const all: Attributes = { ...attributes };
  for (const { attribute, expression } of type.computed) {
    const values = toValues(expression.evaluate({ entry: entryView(type, all) }), expression.rule);
    if (values.length > 0) all[attribute] = values;
    else delete all[attribute];
  }
  return all;
}
