import type { Configuration } from './configuration/model.ts';
import type { MetaverseObject } from './space.ts';

/** What an object is called: the value of its type's name attribute. */
export function nameOf(configuration: Configuration, object: MetaverseObject): string | undefined {
  const type = configuration.metaverse.get(object.type);
  return type === undefined ? undefined : object.attributes[type.nameAttribute]?.values[0]?.[0];
}
