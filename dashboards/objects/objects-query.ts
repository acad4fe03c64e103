// Objects by name, and the types there are.
import { operation } from '../operation.ts';

export const objectsQuery = operation(`
  query Objects($search: String, $type: String, $first: Int!) {
    objects(search: $search, type: $type, first: $first) {
      id type name formerNames deleted firstSeen lastChanged
    }
    log { gone }
  }
`);

export const objectTypesQuery = operation(`
  query ObjectTypes {
    overview { objectCounts { name count } }
  }
`);
