// The service as the specification of GraphQL over HTTP asks for it, by graphql-http's own audits.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { auditServer } from 'graphql-http';
import { SignInWorld } from './sign-in-world.ts';

/** What the specification leaves open and is not offered: a question is never asked with GET, which a link of somebody else's could do. */
const NOT_OFFERED = [
  'MAY accept application/x-www-form-urlencoded formatted GET requests',
  'MAY allow URL-encoded JSON string {variables} parameter in GETs when accepting application/graphql-response+json',
  'MAY allow URL-encoded JSON string {variables} parameter in GETs when accepting application/json',
];

test('every MUST, SHOULD and MAY of GraphQL over HTTP is so, but for GET', async () => {
  const world = await SignInWorld.open({ after });
  const { secret } = await world.makeToken('audit', ['auditor']);
  const fetchFn = (address: string, init: RequestInit = {}) => {
    const headers = new Headers(init.headers);
    headers.set('authorization', `Bearer ${secret}`);
    return fetch(address, { ...init, headers });
  };
  const results = await auditServer({ url: `${world.url}/graphql`, fetchFn });
  const failed = results.filter(({ status }) => status !== 'ok');
  const told = failed.map((result) => ('reason' in result ? `${result.name}: ${result.reason}` : result.name));
  assert.deepEqual(failed.map(({ name }) => name).sort(), NOT_OFFERED, told.join('\n'));
  assert.ok(results.length >= 60, `${results.length} audits`);
});
