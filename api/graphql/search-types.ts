// Search, as GraphQL types.
import { LONGEST_SEARCH, MOST_OBJECTS } from '../queries/objects.ts';
import { type Found, findByText } from '../queries/search.ts';
import { builder, callerError, checkFirst, WATERMARK } from './builder.ts';
import { asKnownAt } from './context.ts';
import { ObjectSummaryType } from './object-types.ts';

const FoundType = builder.objectRef<Found>('Found').implement({
  description: 'An object that a search found.',
  fields: (t) => ({
    object: t.field({ type: ObjectSummaryType, description: 'The object.', resolve: ({ object }) => object }),
    rank: t.exposeString('rank', {
      description:
        'How good it is: exact, prefix or part; or, where nothing has the text as it was typed, near: each word without its accents, and with a letter or two wrong. Case never counts.',
    }),
    text: t.exposeString('text', {
      description: 'What was found: a name, anchor, DN or identifying value that it has or had.',
    }),
  }),
});

builder.queryField('search', (t) =>
  t.field({
    type: [FoundType],
    description:
      'Objects by whatever they are or ever were called, the best first, deleted ones too: name, account, mail, DN, SID or employee number. Typing mistakes are forgiven.',
    args: {
      text: t.arg.string({ required: true, description: 'What is looked for; an empty text finds nothing.' }),
      type: t.arg.string({ description: 'Only objects of this metaverse type.' }),
      first: t.arg.int({ defaultValue: 20, description: `So many, at most ${MOST_OBJECTS}.` }),
      watermark: t.arg({ type: 'Sequence', description: WATERMARK }),
    },
    resolve: (_, { text, type, first, watermark }, { queries }) => {
      if (text.length > LONGEST_SEARCH)
        throw callerError(`text has ${text.length} characters; a name has at most ${LONGEST_SEARCH}.`);
      return findByText(
        asKnownAt(queries, watermark),
        { search: text, type: type ?? undefined },
        checkFirst(first, 20, MOST_OBJECTS),
      );
    },
  }),
);
