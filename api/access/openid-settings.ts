// Sign-in with an identity provider (OpenID Connect), as the environment says it.
import { z } from 'zod';
import { ROLES, type Role } from './access.ts';

const THIS_MACHINE = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

export interface OpenIdSettings {
  issuer: URL;
  clientId: string;
  /** Without one the client is public: PKCE alone shows that the same one asks. */
  clientSecretFile: string | undefined;
  /** The roles of those who are in a group, by its name. */
  roles: ReadonlyMap<string, readonly Role[]>;
  scope: string;
  /** The claims that say who somebody is, as what they are recorded, and in which groups they are. */
  claims: { identity: string; name: string; groups: string };
}

/** https, or http to this machine; with or without a path. */
export function isSafeIssuer(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password, search, hash } = new URL(text);
  const isSafe = protocol === 'https:' || (protocol === 'http:' && THIS_MACHINE.test(hostname));
  return isSafe && [username, password, search, hash].every((part) => part === '');
}

const FORM = `must map groups to roles, as in auditors=auditor;it-security=investigator,auditor; the roles are ${ROLES.join(', ')}`;
const role = z.enum(ROLES);

/** `group=role,role;group=role`. What stands before the last `=` is the group: it may be a distinguished name. */
export const rolesVariable = z.string().transform((text, context): ReadonlyMap<string, readonly Role[]> => {
  const pairs = text.split(';').filter((pair) => pair.trim() !== '');
  const read = pairs.map(readPair).filter((pair) => pair !== undefined);
  const roles = new Map(read);
  if (pairs.length > 0 && roles.size === pairs.length) return roles;
  context.addIssue({ code: 'custom', message: FORM });
  return z.NEVER;
});

function readPair(pair: string): [string, readonly Role[]] | undefined {
  const end = pair.lastIndexOf('=');
  const group = pair.slice(0, Math.max(end, 0)).trim();
  const names = pair
    .slice(end + 1)
    .split(',')
    .map((name) => role.safeParse(name.trim()).data);
  const roles = names.filter((name) => name !== undefined);
  return group !== '' && roles.length > 0 && roles.length === names.length ? [group, roles] : undefined;
}
