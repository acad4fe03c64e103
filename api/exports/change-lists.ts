// Changes by filters, and the history of an object, as lists to take out: the same questions as `changes` and `history` of the API.
import { z } from 'zod';
import { asKnownAt, type RequestContext } from '../graphql/context.ts';
import { type ChangeFilter, reachOf } from '../queries/changes.ts';
import { describeGone, type QueryContext } from '../queries/context.ts';
import { findHistory } from '../queries/history.ts';
import { readOnwards } from '../queries/onwards.ts';
import { CHANGE_SHAPE, changeEntries } from './change-columns.ts';
import { defineList, type OpenedList } from './list.ts';
import { checkOrder, instant, objectId, plainText, required, sequence, words, yesOrNo } from './parameters.ts';
import type { Entry } from './table.ts';

/** Events read at once. With the values of so many in memory, twice, an export takes the same for any number of them. */
const PAGE = 500;

const FILTERS = {
  from: instant('the first instant, with its zone'),
  to: instant('the last instant, included'),
  attribute: plainText('an attribute that changed'),
  value: plainText('an old or new value, exactly'),
  agent: plainText('a connected system'),
  initiator: plainText('who caused it'),
  stages: words('any of these stages'),
  outcomes: words('any of these outcomes'),
  rule: plainText('the rule of the configuration that did it, or set one of its values'),
  run: sequence('the run, by its number'),
  outOfBand: yesOrNo('only changes that no export explains, or only the others'),
  watermark: sequence('only what was known when the log had this many events'),
};
const changesSchema = z.strictObject({ object: objectId('the object that changed, by its id'), ...FILTERS });
const historySchema = z.strictObject({ object: required(objectId('the object, by its id')), ...FILTERS });

export const changeLists = [
  defineList(
    {
      name: 'changes',
      about: 'changes, by the filters given (all must hold)',
      question: 'changes',
      order: 'in the order of the log',
      shape: CHANGE_SHAPE,
    },
    changesSchema,
    openChanges,
  ),
  defineList(
    {
      name: 'history',
      about: 'what happened to an object, across its entries, joins and groups',
      question: 'object',
      order: 'newest first',
      shape: CHANGE_SHAPE,
    },
    historySchema,
    openHistory,
  ),
];

function openChanges({ queries }: RequestContext, given: z.output<typeof changesSchema>): OpenedList {
  const { watermark, ...filter } = given;
  checkOrder(filter);
  const known = asKnownAt(queries, watermark);
  return { ...opened(known, filter, (note) => pagesOnwards(known, filter, note)), object: filter.object };
}

function openHistory({ queries }: RequestContext, given: z.output<typeof historySchema>): OpenedList {
  const { watermark, object, ...filter } = given;
  checkOrder(filter);
  const known = asKnownAt(queries, watermark);
  return { ...opened(known, filter, (note) => pagesOfHistory(known, object, filter, note)), object };
}

type Note = (gone: string | undefined) => void;

/** Events may expire while they are read: then a page says so, and so does the whole. */
function opened(known: QueryContext, filter: ChangeFilter, pages: (note: Note) => OpenedList['pages']): OpenedList {
  let gone = describeGone(known, reachOf(filter));
  const note: Note = (said) => {
    gone ??= said;
  };
  return { pages: pages(note), watermark: known.watermark, gone: () => gone };
}

async function* pagesOnwards(known: QueryContext, filter: ChangeFilter, note: Note): AsyncGenerator<Entry[]> {
  for await (const page of readOnwards(known, filter, { from: 0, first: PAGE })) {
    note(page.gone);
    yield await changeEntries(known, page.events);
  }
}

async function* pagesOfHistory(
  known: QueryContext,
  object: string,
  filter: ChangeFilter,
  note: Note,
): AsyncGenerator<Entry[]> {
  for (let before: number | undefined, hasMore = true; hasMore; ) {
    const page = await findHistory(known, object, filter, { first: PAGE, before });
    note(page.gone);
    yield await changeEntries(known, page.events);
    ({ hasMore } = page);
    before = page.events.at(-1)?.sequence;
  }
}
