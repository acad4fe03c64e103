// Which question whose role may ask, and what it may do. What is not listed nobody may; a test holds the lists against the schema.
import { type Access, ROLES, type Role } from './access.ts';

const READERS: readonly Role[] = ['auditor', 'investigator'];
const PEOPLE: readonly Role[] = [...READERS, 'manager'];
const RUNNERS: readonly Role[] = [...READERS, 'operator'];
const ADMINISTRATORS: readonly Role[] = ['administrator'];
/** Of the schema, of whoever asks, and of what is public (`/log/…`). */
const SIGNED_IN: readonly Role[] = ROLES;

/** By question: a root field of the schema, or what is asked by another way. */
export const WHO_MAY_ASK: Readonly<Record<string, readonly Role[]>> = {
  __typename: SIGNED_IN,
  __schema: SIGNED_IN,
  __type: SIGNED_IN,
  viewer: SIGNED_IN,
  log: SIGNED_IN,
  reports: SIGNED_IN,
  checkpoint: SIGNED_IN,
  checkpointKeys: SIGNED_IN,
  inclusionProof: SIGNED_IN,
  consistencyProof: SIGNED_IN,
  tombstones: SIGNED_IN,
  /** Of each kind who may ask for it by its own question: resolvers look at that again. */
  node: [...PEOPLE, 'operator'],
  changes: PEOPLE,
  change: PEOPLE,
  object: PEOPLE,
  holders: PEOPLE,
  nestedHolders: PEOPLE,
  people: READERS,
  objects: [...PEOPLE, ...ADMINISTRATORS],
  objectCount: [...PEOPLE, ...ADMINISTRATORS],
  changesByDay: RUNNERS,
  search: [...PEOPLE, ...ADMINISTRATORS],
  overview: RUNNERS,
  openExports: RUNNERS,
  runs: RUNNERS,
  run: RUNNERS,
  agents: [...RUNNERS, 'manager'],
  /** What is followed. */
  followChanges: PEOPLE,
  followRun: RUNNERS,
  reads: READERS,
  holds: [...READERS, ...ADMINISTRATORS],
  retentionPlan: ADMINISTRATORS,
  erasurePlan: ADMINISTRATORS,
  alerts: [...READERS, ...ADMINISTRATORS],
  tokens: ADMINISTRATORS,
  sessions: ADMINISTRATORS,
  /** The feeds for other systems (api/feeds/). */
  changeFeed: READERS,
  /** The way to reports, checks and rows for a bundle, which has every value. */
  report: READERS,
  verify: READERS,
  bundle: ['investigator'],
};

/** By mutation. */
export const WHO_MAY_DO: Readonly<Record<string, readonly Role[]>> = {
  __typename: SIGNED_IN,
  run: ['operator'],
  erase: ADMINISTRATORS,
  certifyErasure: ADMINISTRATORS,
  addHold: ADMINISTRATORS,
  removeHold: ADMINISTRATORS,
  applyRetention: ADMINISTRATORS,
  rotateCheckpointKey: ADMINISTRATORS,
  createToken: ADMINISTRATORS,
  revokeToken: ADMINISTRATORS,
  revokeSession: ADMINISTRATORS,
  acknowledgeAlert: ['investigator', 'administrator'],
};

/** What was asked is for other roles than those of whoever asked. */
export class ForbiddenError extends Error {
  override name = 'ForbiddenError';

  constructor(what: string, who: readonly Role[]) {
    super(`Your roles do not allow ${what}: ${who.length === 0 ? 'nobody may' : `it takes ${inWords(who)}`}.`);
  }
}

const inWords = (roles: readonly Role[]) => roles.join(' or ');

type HasRoles = Pick<Access, 'roles'>;

export function mayAsk({ roles }: HasRoles, question: string): boolean {
  return (WHO_MAY_ASK[question] ?? []).some((role) => roles.includes(role));
}

export function mayDo({ roles }: HasRoles, mutation: string): boolean {
  return (WHO_MAY_DO[mutation] ?? []).some((role) => roles.includes(role));
}

/** Throws ForbiddenError. */
export function checkMayAsk(access: HasRoles, question: string): void {
  if (!mayAsk(access, question)) throw new ForbiddenError(question, WHO_MAY_ASK[question] ?? []);
}

/** Throws ForbiddenError. */
export function checkMayDo(access: HasRoles, mutation: string): void {
  if (!mayDo(access, mutation)) throw new ForbiddenError(mutation, WHO_MAY_DO[mutation] ?? []);
}
