// Whoever asks: what a page or a tool needs to know to offer only what they may do.
import type { Access, Role } from '../access/access.ts';
import { mayAsk, mayDo, WHO_MAY_ASK, WHO_MAY_DO } from '../access/questions.ts';
import { describeSight } from '../queries/sight.ts';
import { builder } from './builder.ts';

export const RoleType = builder.enumType('Role', {
  description: 'What somebody may. Several together may what each of them may.',
  values: {
    auditor: { description: 'Reads everything but values that are marked sensitive.' },
    investigator: { description: 'Sees these too.' },
    manager: { description: 'Sees the people who report to them.' },
    operator: { description: 'Runs agents.' },
    administrator: { description: 'Manages access, erasure, holds and retention.' },
  } satisfies Record<Role, object>,
});

const ViewerType = builder.objectRef<Access>('Viewer').implement({
  description: 'Whoever asks.',
  fields: (t) => ({
    name: t.exposeString('viewer', { description: 'As whom the log records them.' }),
    roles: t.field({
      description: 'What they may is what any of these may.',
      type: [RoleType],
      resolve: ({ roles }) => [...roles],
    }),
    questions: t.stringList({
      description: 'The fields of Query that they may ask, and `report`, `verify` and `bundle`.',
      resolve: (access) => Object.keys(WHO_MAY_ASK).filter((question) => mayAsk(access, question)),
    }),
    mutations: t.stringList({
      description: 'The fields of Mutation that they may ask for.',
      resolve: (access) => Object.keys(WHO_MAY_DO).filter((mutation) => mayDo(access, mutation)),
    }),
    withheld: t.stringList({
      description:
        'Marks whose values are not told. Sensitive values are told to an investigator who gives a reason, in the header x-metatrail-reason.',
      resolve: (_, __, { queries }) => describeSight(queries.sight).withheld ?? [],
    }),
    scope: t.string({
      nullable: true,
      description: 'Of whom alone is told; none: of everybody.',
      resolve: (_, __, { queries }) => describeSight(queries.sight).scope ?? null,
    }),
  }),
});

builder.queryFields((t) => ({
  viewer: t.field({ type: ViewerType, description: 'Whoever asks.', resolve: (_, __, { access }) => access }),
}));
