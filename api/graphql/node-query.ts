// `node`: whatever has an id, by its id alone. Who may not ask for it by its own question may not by this one.
import { checkMayAsk, ForbiddenError } from '../access/questions.ts';
import { findObjects } from '../queries/objects.ts';
import { findRuns } from '../queries/runs.ts';
import { builder, callerError, checkId, forbidden, WATERMARK } from './builder.ts';
import { asKnownAt, type RequestContext } from './context.ts';
import { type Kind, type NodeShape, NodeType, readId } from './node.ts';

const QUESTIONS: Readonly<Record<Kind, string>> = { change: 'change', run: 'run', agent: 'agents', object: 'object' };

builder.queryField('node', (t) =>
  t.field({
    type: NodeType,
    nullable: true,
    description:
      'Whatever has this id: a change, a run, an agent or an object; none: there is nothing, or whoever asks may not see it.',
    args: {
      id: t.arg.id({ required: true, description: 'The field `id` of it.' }),
      watermark: t.arg({ type: 'Sequence', description: WATERMARK }),
    },
    resolve: (_, { id, watermark }, context) => {
      const { kind, key } = readId(id);
      try {
        checkMayAsk(context.access, QUESTIONS[kind]);
      } catch (error) {
        throw error instanceof ForbiddenError ? forbidden(error) : error;
      }
      return find(kind, key, { ...context, queries: asKnownAt(context.queries, watermark) });
    },
  }),
);

async function find(kind: Kind, key: string, { queries, events, engine }: RequestContext): Promise<NodeShape | null> {
  if (kind === 'agent') return engine.configuration.agents.get(key) ?? null;
  if (kind === 'object') {
    const [found] = await findObjects(queries, { id: checkId(key) }, 1);
    return found ? { ...found, known: queries } : null;
  }
  const sequence = sequenceOf(key);
  if (kind === 'run') return (await findRuns(queries, { id: sequence }, { first: 1 })).runs[0] ?? null;
  return sequence < queries.watermark ? ((await events.load(sequence)) ?? null) : null;
}

function sequenceOf(key: string): number {
  const sequence = /^\d{1,16}$/.test(key) ? Number(key) : Number.NaN;
  if (!Number.isSafeInteger(sequence))
    throw callerError('The id is not one of this service: a change has one like change:17, a run one like run:12.');
  return sequence;
}
