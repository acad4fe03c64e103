// What an object's connectors contribute and lose is computed, not recorded whole: who lost already is no event again, and
// who loses no longer is none either. So it is computed here from the rebuilt entries, by the engine's own rule.
import { RuleError } from '../configuration/expressions.ts';
import { losersAfter, rankedContributions } from '../precedence.ts';
import type { MetaverseObject } from '../space.ts';
import type { Unit } from '../unit.ts';

/** The losers of an object once these attributes were computed anew; as they were where a rule fails. */
export function losersNow(unit: Unit, object: MetaverseObject, names: ReadonlySet<string>): MetaverseObject['losers'] {
  const schema = unit.context.configuration.metaverse.get(object.type);
  const connectors = unit
    .find('entry', 'object', object.id)
    .map((id) => unit.entry(id))
    .filter((entry) => entry !== undefined);
  if (!schema) return object.losers;
  if (connectors.length < 2) return losersAfter(object, names, []);
  try {
    return losersAfter(object, names, rankedContributions(unit, schema, connectors, names).losing);
  } catch (error) {
    if (error instanceof RuleError) return object.losers;
    throw error;
  }
}
