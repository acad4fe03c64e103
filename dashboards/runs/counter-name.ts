// A counter is named by stage, agent, object type and MIM's outcome: import/hr/person/stage-add. One that is not named so
// is an outcome alone.

export interface CounterName {
  stage: string;
  agent: string;
  type: string;
  outcome: string;
}

export function readCounterName(name: string): CounterName {
  const [stage, agent, type, outcome, ...rest] = name.split('/');
  if (stage === undefined || agent === undefined || type === undefined || outcome === undefined || rest.length > 0)
    return { stage: '', agent: '', type: '', outcome: name };
  return { stage, agent, type, outcome };
}

/** The filter that finds the changes of a run that were counted so. */
export function linkCounted(run: string | number, { stage, agent, outcome }: CounterName): URLSearchParams {
  const params = new URLSearchParams({ run: String(run), outcomes: outcome });
  if (stage !== '') params.set('stages', stage);
  if (agent !== '') params.set('agent', agent);
  return params;
}
