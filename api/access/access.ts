// Whoever asks: as what they are recorded, and what they may.

import { ROLES, type Role } from '../../engine/configuration/model.ts';

/**
 * *auditor*: reads everything but values that are marked sensitive. *investigator*: sees these too. *manager*: sees the people
 * who report to them. *operator*: runs agents. *administrator*: manages access, erasure, holds and retention.
 */
export { ROLES, type Role };

export interface Access {
  /** As what they are recorded: the initiator of what they start and of what they read. */
  viewer: string;
  /** Several together may what each of them may; without any nothing is told. */
  roles: readonly Role[];
  /** What they are known by in the metaverse: by it a manager is found there. */
  identity?: string | undefined;
  /** Why they want to see sensitive values, which are told to nobody without one. It stands in the log. */
  reason?: string | undefined;
  /** What asks for them, as it says itself, such as `mcp/history`. It stands in the log. */
  through?: string | undefined;
}

/** Who has the token of the command line. */
export const COMMAND_LINE = 'command line';
/** The person behind the one-time link: it says no name. */
export const LOCAL_ADMINISTRATOR = 'local administrator';
/** As what whoever uses a token is recorded: this, and the token's name. */
export const TOKEN_VIEWER = 'token ';

/** Who has the data folder, or came by the one-time link that only its owner can print. */
export function localAccess(viewer: string): Access {
  return { viewer, roles: ROLES };
}

/** What was asked of tokens or sessions cannot be done, for the reason that the message gives. */
export class AccessError extends Error {
  override name = 'AccessError';
}
