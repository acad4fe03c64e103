// Pages of rows as Relay's connections (relay.dev/graphql/connections.htm), forwards. A cursor names the sequence of a row, so pages
// are stable while events arrive, and the question that it is of: with another question it is refused.
import { createHash } from 'node:crypto';
import type { ObjectRef } from '@pothos/core';
import { builder, callerError, checkFirst, GONE, type SchemaTypes } from './builder.ts';

export const AFTER = 'The cursor of a row, such as `endCursor` of the page before; none: the first page.';
export const FIRST = 'How many rows at most, from 1 to 1000.';
const MOST = 1000;
const USUAL = 50;

/** What is asked of a list. */
export interface Paging {
  first: number;
  /** Only rows before this sequence. */
  before: number | undefined;
  /** Of the question with its filter: what its cursors bear. */
  question: string;
}

/** Of a page of the queries. */
interface Page {
  hasMore: boolean;
  watermark: number;
  gone: string | undefined;
}

interface Edge<Row> {
  cursor: string;
  node: Row;
}

/** A page with the cursors of its rows. */
export interface Listed<Row> extends Page {
  edges: Edge<Row>[];
  hasPrevious: boolean;
}

interface Given {
  first?: number | null | undefined;
  after?: string | null | undefined;
}

/** `question` and `filter` are the same for all pages of a list. Throws an error of the caller for a bad size or cursor. */
export function pagingOf(question: string, filter: unknown, { first, after }: Given): Paging {
  const sha256 = createHash('sha256').update(JSON.stringify([question, filter ?? null]));
  const fingerprint = sha256.digest('hex').slice(0, 12);
  return { first: checkFirst(first, USUAL, MOST), before: decodeCursor(fingerprint, after), question: fingerprint };
}

const CURSOR = /^([0-9a-f]{12})\.(\d{1,16})$/;

export function encodeCursor(question: string, sequence: number): string {
  return Buffer.from(`${question}.${sequence}`).toString('base64url');
}

function decodeCursor(question: string, cursor: string | null | undefined): number | undefined {
  if (cursor === null || cursor === undefined) return undefined;
  const [, of = '', place] = CURSOR.exec(Buffer.from(cursor.slice(0, 100), 'base64url').toString('latin1')) ?? [];
  const sequence = Number(place);
  // Written back it must be the same: base64 is read generously.
  if (!Number.isSafeInteger(sequence) || encodeCursor(of, sequence) !== cursor)
    throw callerError('The cursor is not one of this service; start again without it.');
  if (of !== question)
    throw callerError(
      'The cursor is of another question; ask with the filter that it was given for, or start again without it.',
    );
  return sequence;
}

interface PageInfo {
  hasNextPage: boolean;
  hasPreviousPage: boolean;
  startCursor: string | undefined;
  endCursor: string | undefined;
}

const PageInfoType = builder.objectRef<PageInfo>('PageInfo').implement({
  description: 'Where a page is in its list.',
  fields: (t) => ({
    hasNextPage: t.exposeBoolean('hasNextPage', { description: 'There are rows after it.' }),
    hasPreviousPage: t.exposeBoolean('hasPreviousPage', { description: 'It was asked for with a cursor.' }),
    startCursor: t.string({
      nullable: true,
      description: 'The cursor of its first row; none: it is empty.',
      resolve: ({ startCursor }) => startCursor ?? null,
    }),
    endCursor: t.string({
      nullable: true,
      description: 'The cursor of its last row, which the next page is asked for with; none: it is empty.',
      resolve: ({ endCursor }) => endCursor ?? null,
    }),
  }),
});

/** The rows of a page with their cursors; `sequenceOf` is what the pages are in the order of, newest first. */
export function list<Row>(
  { question, before }: Paging,
  rows: readonly Row[],
  sequenceOf: (row: Row) => number,
  { hasMore, watermark, gone }: Page,
): Listed<Row> {
  const edges = rows.map((node) => ({ cursor: encodeCursor(question, sequenceOf(node)), node }));
  return { edges, hasMore, hasPrevious: before !== undefined, watermark, gone };
}

/** The type of a list of such rows, and its edges: `ChangeConnection` of `Change`. `rows` is what stands in it, for whoever reads the schema. */
export function connectionOf<Row, More = unknown>(type: ObjectRef<SchemaTypes, Row, Row>, name: string, rows: string) {
  const edge = builder.objectRef<Edge<Row>>(`${name}Edge`).implement({
    description: `One of ${rows} in a list, with its place.`,
    fields: (t) => ({
      cursor: t.exposeString('cursor', { description: 'The next page begins after it, given as `after`.' }),
      node: t.expose('node', { type, description: 'The row itself.' }),
    }),
  });
  return builder.objectRef<Listed<Row> & More>(`${name}Connection`).implement({
    description: `A page of ${rows}, newest first. Pages stay as they are while events arrive.`,
    fields: (t) => ({
      nodes: t.field({
        type: [type],
        description: 'The rows of the page.',
        resolve: ({ edges }) => edges.map(({ node }) => node),
      }),
      edges: t.field({ type: [edge], description: 'The rows, each with its cursor.', resolve: ({ edges }) => edges }),
      pageInfo: t.field({
        type: PageInfoType,
        description: 'Whether there is more, and from where.',
        resolve: ({ edges, hasMore, hasPrevious }) => ({
          hasNextPage: hasMore,
          hasPreviousPage: hasPrevious,
          startCursor: edges[0]?.cursor,
          endCursor: edges.at(-1)?.cursor,
        }),
      }),
      watermark: t.field({
        type: 'Sequence',
        description: 'The answer stands on the events below.',
        resolve: ({ watermark }) => watermark,
      }),
      gone: t.string({ nullable: true, description: GONE, resolve: ({ gone }) => gone ?? null }),
    }),
  });
}
