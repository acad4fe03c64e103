/** Why something is done: the principal cause of all that follows from it, and who caused the root of it. */
export interface Cause {
  event: number;
  root: number;
  initiator?: string;
  initiatorKnown: 'reported' | 'observed' | 'unknown';
}

/** The cause alone, of a value that carries more. */
export function causeIn({ event, root, initiator, initiatorKnown }: Cause): Cause {
  return { event, root, ...(initiator !== undefined && { initiator }), initiatorKnown };
}

export function actorOf(cause: Pick<Cause, 'initiator' | 'initiatorKnown'>) {
  return { ...(cause.initiator !== undefined && { initiator: cause.initiator }), initiatorKnown: cause.initiatorKnown };
}
