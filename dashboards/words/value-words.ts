// Marks of attributes, agents and how an initiator is known, in plain words.

const INITIATOR_KNOWN: Readonly<Record<string, string>> = {
  reported: 'named by the system itself',
  matched: 'named by another log',
  observed: 'as we observed it',
  unknown: 'not known',
};

/** Completes "who": how we know. */
export function describeKnown(known: string): string {
  return INITIATOR_KNOWN[known] ?? known;
}

const TIME_KNOWN: Readonly<Record<string, string>> = {
  reported: 'time reported by the connected system',
  observed: 'time when it was observed',
};

export function describeTimeKnown(known: string): string {
  return TIME_KNOWN[known] ?? known;
}

/** Agent "" is the metaverse. */
export function nameAgent(agent: string | null): string {
  return agent === null || agent === '' ? 'Metaverse' : agent;
}

const OPERATIONS: Readonly<Record<string, string>> = { add: 'added', remove: 'removed', replace: 'replaced' };

export function describeValueOperation(operation: string): string {
  return OPERATIONS[operation] ?? operation;
}

/** person as Persons, group as Groups: the schema's own word, in the plural. */
export function pluralise(type: string): string {
  const word = type === 'person' ? 'people' : /(s|x|ch)$/.test(type) ? `${type}es` : `${type}s`;
  return word.charAt(0).toUpperCase() + word.slice(1);
}
