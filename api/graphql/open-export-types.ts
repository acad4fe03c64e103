// Exports that are open, as GraphQL types.
import type { QueryContext } from '../queries/context.ts';
import {
  countOpenExports,
  findOpenExports,
  OPEN_STATES,
  type OpenExport,
  type OpenExportCount,
  type OpenExportFilter,
  type OpenExportPage,
  type OpenState,
} from '../queries/open-exports.ts';
import { builder, callerError, checkFirst, decodeCursor, GONE, WATERMARK } from './builder.ts';
import { ChangeType, PageInfoType, pageInfoOf } from './change-types.ts';
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

interface OpenExportList extends OpenExportPage {
  known: QueryContext;
  filter: OpenExportFilter;
}

const OpenExportConnectionType = builder.objectRef<OpenExportList>('OpenExportConnection').implement({
  description: 'A page of exports that are open, the newest first.',
  fields: (t) => ({
    nodes: t.field({
      type: [OpenExportType],
      description: 'The exports of this page.',
      resolve: (page) => page.exports,
    }),
    pageInfo: t.field({
      type: PageInfoType,
      description: 'Whether there is more, and from where.',
      resolve: ({ exports: shown, hasMore }) =>
        pageInfoOf(
          shown.map(({ event }) => event.sequence),
          hasMore,
        ),
    }),
    counts: t.field({
      type: [OpenExportCountType],
      description: 'How many are open in all, by system and state.',
      resolve: ({ known, filter }) => countOpenExports(known, filter),
    }),
    watermark: t.field({
      type: 'Sequence',
      description: 'The answer stands on the events below. Given with the next page, it goes on in the same list.',
      resolve: ({ watermark }) => watermark,
    }),
    gone: t.string({ nullable: true, description: GONE, resolve: ({ gone }) => gone ?? null }),
  }),
});

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
      first: t.arg.int({ defaultValue: 50, description: 'So many, at most 1000.' }),
      after: t.arg.string({ description: 'The `endCursor` of the page before.' }),
      watermark: t.arg({ type: 'Sequence', description: WATERMARK }),
    },
    resolve: async (_, { agent, states, first, after, watermark }, { queries }) => {
      const known = asKnownAt(queries, watermark);
      const filter = { agent: agent ?? undefined, states: states?.length ? statesOf(states) : undefined };
      const page = { first: checkFirst(first, 50, 1000), before: decodeCursor(after) };
      return { ...(await findOpenExports(known, filter, page)), known, filter };
    },
  }),
);
