// A counter is named by stage, agent, object type and MIM's outcome.

export interface CounterName {
  stage: string;
  agent: string;
  objectType: string;
  name: string;
}

/** The same for counters of the same name, whoever counted. */
export function keyOfCounter({ stage, agent, objectType, name }: CounterName): string {
  return JSON.stringify([stage, agent, objectType, name]);
}

/** The filter that finds the changes of a run that were counted so. */
export function linkCounted(run: string | number, { stage, agent, name }: CounterName): URLSearchParams {
  const params = new URLSearchParams({ run: String(run), outcomes: name });
  if (stage !== '') params.set('stages', stage);
  if (agent !== '') params.set('agent', agent);
  return params;
}
