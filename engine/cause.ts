/** Why something is done: the principal cause of all that follows from it, and who caused the root of it. */
export interface Cause {
  event: number;
  root: number;
  initiator?: string;
  initiatorKnown: 'reported' | 'observed' | 'unknown';
  outOfBand: boolean;
}

export function actorOf(cause: Pick<Cause, 'initiator' | 'initiatorKnown'>) {
  return { ...(cause.initiator !== undefined && { initiator: cause.initiator }), initiatorKnown: cause.initiatorKnown };
}
