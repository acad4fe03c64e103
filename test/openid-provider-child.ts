// The process of the identity provider of openid-provider.ts.
import assert from 'node:assert/strict';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import Provider, { type ClientAuthMethod, type Configuration } from 'oidc-provider';
import { z } from 'zod';

const settingsSchema = z.object({
  callback: z.string(),
  people: z.record(z.string(), z.record(z.string(), z.unknown())),
  inToken: z.boolean().default(false),
  publishesOtherKeys: z.boolean().default(false),
  authentication: z.enum(['client_secret_basic', 'client_secret_post', 'none']).default('client_secret_basic'),
  CLIENT_SECRET: z.string(),
});

const [port, text] = process.argv.slice(2);
assert.ok(port !== undefined && text !== undefined);
const settings = settingsSchema.parse(JSON.parse(text));
const { callback, people, inToken, authentication, CLIENT_SECRET } = settings;
const method: ClientAuthMethod = authentication;
const makeKey = (kid: string) => {
  const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
  return { ...key, kty: 'RSA' as const, kid, use: 'sig' as const, alg: 'RS256' as const };
};
const kid = randomUUID();

const configuration: Configuration = {
  clients: [
    {
      client_id: 'metatrail',
      ...(method !== 'none' && { client_secret: CLIENT_SECRET }),
      token_endpoint_auth_method: method,
      redirect_uris: [callback],
      grant_types: ['authorization_code'],
      response_types: ['code'],
    },
  ],
  clientAuthMethods: [method],
  jwks: { keys: [makeKey(kid)] },
  cookies: { keys: ['a key for the cookies of a test'] },
  pkce: { required: () => true },
  conformIdTokenClaims: !inToken,
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'] },
  scopes: ['openid', 'email', 'profile', 'groups'],
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
  features: { devInteractions: { enabled: true } },
};

const provider = new Provider(`http://127.0.0.1:${port}`, configuration);
if (settings.publishesOtherKeys) {
  const { n, e, kty } = makeKey(kid);
  provider.use(async (context, next) => {
    await next();
    if (context.path === '/jwks') context.body = { keys: [{ n, e, kty, kid, use: 'sig', alg: 'RS256' }] };
  });
}
provider.listen(Number(port), '127.0.0.1', () => process.stdout.write('ready\n'));
