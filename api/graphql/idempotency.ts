// The argument idempotencyKey of every mutation of the schema, and what is kept of each one's answer for a repetition.
import {
  type GraphQLArgument,
  GraphQLError,
  type GraphQLFieldResolver,
  type GraphQLSchema,
  GraphQLString,
} from 'graphql';
import { z } from 'zod';
import { holdChange } from '../../ingest/retention/holds.ts';
import { type Done, KEPT_HOURS, KeyUsedError, LONGEST_KEY } from '../mutations/once.ts';
import { readSequences } from '../queries/context.ts';
import { callerError } from './builder.ts';
import { type RequestContext, waitForDelivery } from './context.ts';
import { LONGEST_DELIVERY_MS, tellRun } from './run-mutations.ts';

const KEY = 'idempotencyKey';
const DESCRIPTION = `Chosen by whoever asks, at random, at most ${LONGEST_KEY} characters: within ${KEPT_HOURS} hours the same mutation with the same key is carried out once, and answers again what it answered then.`;
const CONTROL = /\p{C}/u;

interface Answer {
  /** Of an answer, what is kept in the journal's state. Never a secret, and nothing of somebody who is erased. */
  keep: (answer: unknown) => unknown;
  /** The answer to a repetition. */
  again: (done: Done, context: RequestContext) => unknown;
}

const WHOLE: Answer = { keep: (answer) => answer, again: ({ answer }) => answer?.kept };

/** A run tells of itself: its first event is its id. */
const RUN: Answer = {
  keep: () => undefined,
  again: ({ event }, context) => (event === undefined ? undefined : tellRun(context, event)),
};

/** Who holds whom and why may be about somebody who is erased later: it is read from the log, where erasure finds it. */
const HOLD: Answer = {
  keep: () => undefined,
  again: async ({ event }, context) => {
    if (event === undefined || !(await waitForDelivery(context.log, LONGEST_DELIVERY_MS))) return undefined;
    const queries = { ...context.queries, watermark: context.log.shipper.shipped };
    const left = (await readSequences(queries, [event])).get(event);
    const began = left?.outcome === 'hold-removed' ? left.causes[0] : event;
    const added = began === undefined ? undefined : (await readSequences(queries, [began])).get(began);
    return (added && holdChange(added)?.value) ?? undefined;
  },
};

/** The token itself is not kept: asked for again, it is an error beside the rest of the answer (`access-types.ts`). */
const WITHOUT_SECRET: Answer = { ...WHOLE, keep: (answer) => z.object({ token: z.unknown() }).parse(answer) };

const NAMES_NOT_KEPT = 'The names under which they caused changes were told the first time, and are kept no more.';

const erasure = z.object({
  event: z.number(),
  settled: z.boolean(),
  plan: z
    .object({
      objects: z.array(z.string()),
      keys: z.unknown(),
      events: z.number(),
      systems: z.unknown(),
      remains: z.array(z.string()),
    })
    .transform((plan) => ({ ...plan, actors: [], remains: [...plan.remains, NAMES_NOT_KEPT] })),
});

/** By mutation. Of one that is not listed nothing is kept but which event it left. */
export const ANSWERS: Readonly<Record<string, Answer>> = {
  run: RUN,
  erase: { ...WHOLE, keep: (answer) => erasure.parse(answer) },
  certifyErasure: WHOLE,
  addHold: HOLD,
  removeHold: HOLD,
  applyRetention: WHOLE,
  rotateCheckpointKey: WHOLE,
  createToken: WITHOUT_SECRET,
  revokeToken: WHOLE,
  revokeSession: WHOLE,
  acknowledgeAlert: WHOLE,
};

const NOTHING_KEPT: Answer = { keep: () => undefined, again: () => undefined };

/** Gives every mutation of a schema the argument, so that none can forget it. */
export function withIdempotency(schema: GraphQLSchema): GraphQLSchema {
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
    const { name, resolve } = field;
    if (!resolve) throw new Error(`The mutation ${name} has no resolver.`);
    const argument: GraphQLArgument = {
      name: KEY,
      description: DESCRIPTION,
      type: GraphQLString,
      defaultValue: undefined,
      deprecationReason: undefined,
      extensions: {},
      astNode: undefined,
    };
    field.args = [...field.args, argument];
    field.resolve = onceOf(name, resolve);
  }
  return schema;
}

type Resolver = GraphQLFieldResolver<unknown, RequestContext, Record<string, unknown>>;

function onceOf(mutation: string, resolve: Resolver): Resolver {
  const { keep, again } = ANSWERS[mutation] ?? NOTHING_KEPT;
  return async (source, { [KEY]: given, ...others }, context, info) => {
    checkText(others);
    if (given === undefined || given === null) return resolve(source, others, context, info);
    const key = checkKey(given);
    const keyed = { viewer: context.viewer, key, mutation, arguments: others };
    try {
      const work = async () => resolve(source, others, context, info);
      const done = await context.once.carryOut(keyed, work, keep);
      if ('first' in done) return done.first;
      const answer = await again(done, context);
      if (answer === undefined) throw unanswered(mutation, done);
      return answer;
    } catch (error) {
      if (error instanceof KeyUsedError) throw callerError(error.message);
      throw error;
    }
  };
}

/** What is done is an event with what was given, and no event can hold half a character. */
function checkText(given: unknown): void {
  if (typeof given === 'string' && !given.isWellFormed())
    throw callerError('A text that was given has half a character (a lone surrogate); send well-formed Unicode.');
  if (typeof given === 'object' && given !== null) for (const each of Object.values(given)) checkText(each);
}

function checkKey(given: unknown): string {
  if (typeof given !== 'string' || given === '' || given.length > LONGEST_KEY || CONTROL.test(given))
    throw callerError(`${KEY} is 1 to ${LONGEST_KEY} characters of one line, chosen at random, such as a UUID.`);
  return given;
}

function unanswered(mutation: string, { event }: Done): GraphQLError {
  const message = `${mutation} was begun with this idempotencyKey, as event ${event} says, and its answer is not known any more. Look there what it did; it is not done again with this key.`;
  return new GraphQLError(message, { extensions: { code: 'ALREADY_DONE' } });
}
