// Changes by filter, and the agents to choose from.
import { operation, type QuestionOf } from '../operation.ts';
import { changeFields } from './change-fields.ts';

export const changesQuery = operation(
  `
  query Changes($filter: ChangeFilter, $first: Int!, $after: String) {
    changes(filter: $filter, first: $first, after: $after) {
      nodes { ...ChangeFields }
      pageInfo { hasNextPage endCursor }
      watermark gone
    }
  }
`,
  [changeFields],
);

export type ChangeFilter = NonNullable<QuestionOf<typeof changesQuery>['filter']>;

export const agentsQuery = operation(`
  query AgentNames {
    agents { name connector }
  }
`);
