// `metatrail token`: API tokens for programs that ask over HTTP.
import type { Command } from 'commander';
import { ROLES } from '../access/access.ts';
import { CommandError } from './command-error.ts';
import { type CommonOptions, common, dataOf, print, withBackend } from './program-parts.ts';

const FIELDS = 'id name roles state createdAt createdBy expiresAt lastUsedAt revokedAt revokedBy';
const LIST = `{ tokens { ${FIELDS} } }`;
const CREATE = `mutation ($name: String!, $roles: [Role!]!, $expiresAt: DateTime!, $why: String!) {
  createToken(name: $name, roles: $roles, expiresAt: $expiresAt, why: $why) { token { ${FIELDS} } secret }
}`;
const REVOKE = `mutation ($id: Sequence!, $why: String!) { revokeToken(id: $id, why: $why) { ${FIELDS} } }`;

const WHY = 'why; it stays in the log for good and must hold nothing personal';

export function addTokenCommands(program: Command): void {
  const token = program.command('token').description('API tokens, with which programs ask over HTTP');
  common(token.command('create <name>').description('make a token and print it, once; <name> is what will use it'))
    .requiredOption('--role <role...>', `what it may: ${ROLES.join(', ')}`)
    .requiredOption('--expires <instant>', 'from when on it lets nobody in, such as 2027-06-30T00:00:00Z')
    .requiredOption('--why <why>', WHY)
    .action((name: string, options: CommonOptions & { role: string[]; expires: string; why: string }) =>
      withBackend(options, false, async (backend) => {
        const variables = { name, roles: options.role, expiresAt: options.expires, why: options.why };
        print((dataOf(await backend.ask(CREATE, variables)) as { createToken: unknown }).createToken);
      }),
    );
  common(token.command('list').description('print all tokens, also those that are over, as JSON')).action(
    (options: CommonOptions) =>
      withBackend(options, false, async (backend) =>
        print((dataOf(await backend.ask(LIST, {})) as { tokens: unknown }).tokens),
      ),
  );
  common(token.command('revoke <id>').description('end a token at once'))
    .requiredOption('--why <why>', WHY)
    .action((id: string, options: CommonOptions & { why: string }) => {
      if (!/^\d{1,15}$/.test(id))
        throw new CommandError(`${id} is no token; give the id that metatrail token list prints.`);
      return withBackend(options, false, async (backend) =>
        print((dataOf(await backend.ask(REVOKE, { id, why: options.why })) as { revokeToken: unknown }).revokeToken),
      );
    });
}
