// Exports that are open, as GraphQL types.
import type { QueryContext } from '../queries/context.ts';
import {
  countOpenExports,
  findOpenExports,
  OPEN_STATES,
  type OpenExport,
  type OpenExportCount,
  type OpenExportFilter,
  type OpenState,
} from '../queries/open-exports.ts';
import { builder, callerError, WATERMARK } from './builder.ts';
import { ChangeType } from './change-types.ts';
import { AFTER, connectionOf, FIRST, list, pagingOf } from './connection.ts';
import { asKnownAt } from './context.ts';

const STATES =
  'failed: refused, and still to be sent; in-doubt: handed out, and it is not known what became of it; unconfirmed: carried out, and no import has shown it yet; not-reimported: carried out, and the import after it did not show it.';

const OpenExportType = builder.objectRef<OpenExport>('OpenExport').implement({
  description: 'An export that is not done: it failed, or what became of it is not confirmed.',
  fields: (t) => ({
    state: t.exposeString('state', { description: STATES }),
    change: t.field({
      type: ChangeType,
      description: 'The change that says so last; its `error` says why it failed.',
      resolve: ({ event }) => event,
    }),
    since: t.field({
      type: 'DateTime',
      description: 'Since when: of the first failure, or the first export that waits for confirmation.',
      resolve: ({ since }) => since,
    }),
    times: t.exposeInt('times', { description: 'How often since then: attempts that failed, or exports that wait.' }),
  }),
});

const OpenExportCountType = builder.objectRef<OpenExportCount>('OpenExportCount').implement({
  description: 'How many exports of a system are open in a state.',
  fields: (t) => ({
    agent: t.exposeString('agent', { description: 'The connected system.' }),
    state: t.exposeString('state', { description: STATES }),
    count: t.exposeInt('count', { description: 'Entries.' }),
  }),
});

/** What the counts beside a page are of. */
interface Counted {
  known: QueryContext;
  filter: OpenExportFilter;
}

const OpenExportConnectionType = connectionOf<OpenExport, Counted>(
  OpenExportType,
  'OpenExport',
  'exports that are open',
);

builder.objectField(OpenExportConnectionType, 'counts', (t) =>
  t.field({
    type: [OpenExportCountType],
    description: 'How many are open in all, by system and state.',
    resolve: (page) => countOpenExports(page.known, page.filter),
  }),
);

const isState = (text: string): text is OpenState => OPEN_STATES.some((state) => state === text);

function statesOf(texts: readonly string[]): OpenState[] {
  const unknown = texts.find((text) => !isState(text));
  if (unknown !== undefined)
    throw callerError(`${JSON.stringify(unknown.slice(0, 80))} is no state; there are ${OPEN_STATES.join(', ')}.`);
  return texts.filter(isState);
}

builder.queryField('openExports', (t) =>
  t.field({
    type: OpenExportConnectionType,
    description: 'Exports that failed, that are not confirmed, or that the next import did not show.',
    args: {
      agent: t.arg.string({ description: 'One connected system; none: all.' }),
      states: t.arg.stringList({ description: `Any of these; none: all. ${STATES}` }),
      first: t.arg.int({ defaultValue: 50, description: FIRST }),
      after: t.arg.string({ description: AFTER }),
      watermark: t.arg({ type: 'Sequence', description: WATERMARK }),
    },
    resolve: async (_, { agent, states, watermark, ...given }, { queries }) => {
      const known = asKnownAt(queries, watermark);
      const filter = { agent: agent ?? undefined, states: states?.length ? statesOf(states) : undefined };
      const paging = pagingOf('openExports', filter, given);
      const page = await findOpenExports(known, filter, paging);
      return { ...list(paging, page.exports, ({ event }) => event.sequence, page), known, filter };
    },
  }),
);
