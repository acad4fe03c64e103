// API tokens and sessions: who may ask, and for how long. For administrators.
import { GraphQLError } from 'graphql';
import { systemClock } from '../../ingest/clock.ts';
import { type Access, AccessError, ROLES } from '../access/access.ts';
import type { Reason } from '../access/access-event.ts';
import { type Session, Sessions } from '../access/sessions.ts';
import { type Token, type TokenRequest, type TokenState, Tokens } from '../access/tokens.ts';
import { builder, callerError, WHY } from './builder.ts';
import { leftOwnEvent, type RequestContext } from './context.ts';
import { checkReason } from './erasure-types.ts';
import { RoleType } from './viewer-types.ts';

const LONGEST_NAME = 100;
/** A year and a month: a token that is renewed yearly never has a gap. */
const LONGEST_LIFE_DAYS = 396;
const MICROS_A_DAY = 86_400_000_000;
/** What stands in a name is read on screens and in logs. */
const CONTROL = /\p{C}/u;

const TokenStateType = builder.enumType('TokenState', {
  description: 'What a token is worth now.',
  values: {
    active: { description: 'It lets in.' },
    expired: { description: 'Its time is over.' },
    revoked: { description: 'Somebody ended it.' },
  } satisfies Record<TokenState, { description: string }>,
});

interface ListedToken extends Token {
  state: TokenState;
}

const TokenType = builder.objectRef<ListedToken>('Token').implement({
  description: 'A token with which a program asks. The token itself was told once, when it was made.',
  fields: (t) => ({
    id: t.expose('id', { type: 'Sequence', description: 'The event that made it.' }),
    name: t.exposeString('name', { description: 'What uses it; it is recorded as `token` and this name.' }),
    roles: t.field({ type: [RoleType], description: 'What it may.', resolve: ({ roles }) => [...roles] }),
    state: t.expose('state', { type: TokenStateType, description: 'Whether it lets anybody in now.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    createdBy: t.exposeString('createdBy', { description: 'Who made it.' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'From when on it lets nobody in.' }),
    lastUsedAt: t.expose('lastUsedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was last used, to the minute; null: never.',
    }),
    revokedAt: t.expose('revokedAt', { type: 'DateTime', nullable: true, description: 'When it was revoked.' }),
    revokedBy: t.exposeString('revokedBy', { nullable: true, description: 'Who revoked it.' }),
  }),
});

const NewTokenType = builder.objectRef<{ token: ListedToken; secret?: string }>('NewToken').implement({
  description: 'A token that was just made.',
  fields: (t) => ({
    token: t.expose('token', { type: TokenType, description: 'What is known of it from now on.' }),
    secret: t.string({
      nullable: true,
      description: 'The token itself. It is told here and never again: a repetition has an error in its place.',
      resolve: ({ token, secret }) => {
        if (secret === undefined) throw toldOnce(token);
        return secret;
      },
    }),
  }),
});

const SessionType = builder.objectRef<Session>('Session').implement({
  description: 'Somebody who is signed in, in one browser.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'By which it is revoked.' }),
    viewer: t.exposeString('viewer', { description: 'As what they are recorded.' }),
    roles: t.field({ type: [RoleType], description: 'What they may.', resolve: ({ roles }) => [...roles] }),
    way: t.exposeString('way', { description: 'How they signed in: `link` or `openid`.' }),
    startedAt: t.expose('startedAt', { type: 'DateTime', description: 'When they signed in.' }),
    lastUsedAt: t.expose('lastUsedAt', { type: 'DateTime', description: 'When they last asked, to the minute.' }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      description: 'When they have to sign in again at the latest.',
    }),
  }),
});

export function addAccessFields(): void {
  addTokenFields();
  addSessionFields();
}

function addTokenFields(): void {
  builder.queryFields((t) => ({
    tokens: t.field({
      type: [TokenType],
      description: 'All API tokens, also those that are over, the oldest first. For administrators.',
      resolve: (_, __, context) => {
        const tokens = new Tokens(context.log.journal);
        return tokens.list().map((token) => ({ ...token, state: tokens.stateOf(token) }));
      },
    }),
  }));
  builder.mutationFields((t) => ({
    createToken: t.field({
      type: NewTokenType,
      description: 'Makes an API token. For administrators; it has none but roles of theirs.',
      args: {
        name: t.arg.string({ required: true, description: 'What will use it.' }),
        roles: t.arg({ type: [RoleType], required: true, description: 'What it may.' }),
        expiresAt: t.arg({ type: 'DateTime', required: true, description: 'Within 13 months.' }),
        why: t.arg.string({ required: true, description: WHY }),
      },
      resolve: async (_, { name, roles, expiresAt, why }, context, info) => {
        const request = checkRequest({ name: name.trim(), roles: [...new Set(roles)], expiresAt }, context.access);
        const { token, secret } = await told(new Tokens(context.log.journal).create(request, reasonOf(context, why)));
        leftOwnEvent(context, info);
        return { token: { ...token, state: 'active' as const }, secret };
      },
    }),
    revokeToken: t.field({
      type: TokenType,
      description: 'Ends an API token at once. For administrators.',
      args: {
        id: t.arg({ type: 'Sequence', required: true, description: 'The event that made it.' }),
        why: t.arg.string({ required: true, description: WHY }),
      },
      resolve: async (_, { id, why }, context, info) => {
        const token = await told(new Tokens(context.log.journal).revoke(id, reasonOf(context, why)));
        leftOwnEvent(context, info);
        return { ...token, state: 'revoked' as const };
      },
    }),
  }));
}

function addSessionFields(): void {
  builder.queryFields((t) => ({
    sessions: t.field({
      type: [SessionType],
      description: 'Who is signed in now, the newest first. For administrators.',
      resolve: (_, __, context) => {
        return new Sessions(context.log.journal).list();
      },
    }),
  }));
  builder.mutationFields((t) => ({
    revokeSession: t.field({
      type: SessionType,
      description: 'Signs somebody out at once. For administrators.',
      args: {
        id: t.arg.id({ required: true, description: 'Its id, as `sessions` tells it.' }),
        why: t.arg.string({ required: true, description: WHY }),
      },
      resolve: async (_, { id, why }, context, info) => {
        const session = await told(new Sessions(context.log.journal).revoke(id, reasonOf(context, why)));
        leftOwnEvent(context, info);
        return session;
      },
    }),
  }));
}

function toldOnce({ id }: ListedToken): GraphQLError {
  const message = `The token ${id} was told when it was made and is not kept. Where it is lost, revoke it and make another with another idempotencyKey.`;
  return new GraphQLError(message, { extensions: { code: 'TOLD_ONCE' } });
}

function reasonOf({ viewer, address }: RequestContext, why: string): Reason {
  return { viewer, address, why: checkReason(viewer, why).why };
}

function checkRequest(request: TokenRequest, maker: Pick<Access, 'roles' | 'identity'>): TokenRequest {
  const { name, roles, expiresAt } = request;
  if (name === '' || name.length > LONGEST_NAME || CONTROL.test(name))
    throw callerError(`name is what will use the token, in 1 to ${LONGEST_NAME} characters of one line.`);
  if (roles.length === 0) throw callerError(`roles is empty; a token has one or several of ${ROLES.join(', ')}.`);
  const beyond = roles.filter((role) => !maker.roles.includes(role));
  if (beyond.length > 0)
    throw callerError(`A token has none but roles of whoever makes it; you do not have ${beyond.join(', ')}.`);
  const left = expiresAt - systemClock();
  if (left <= 0) throw callerError('expiresAt has passed; a token ends in the future.');
  if (left > LONGEST_LIFE_DAYS * MICROS_A_DAY)
    throw callerError(`expiresAt is more than ${LONGEST_LIFE_DAYS} days away; make another token then.`);
  // A manager's token sees whom the manager sees.
  return roles.includes('manager') ? { ...request, identity: maker.identity } : request;
}

/** What cannot be done is said to whoever asked. */
async function told<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof AccessError) throw callerError(error.message);
    throw error;
  }
}
