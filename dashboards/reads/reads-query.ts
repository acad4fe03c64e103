// Who looked at what in the log.
import { type AnswerOf, operation, type QuestionOf } from '../operation.ts';

export const readsQuery = operation(`
  query Reads($filter: ReadFilter, $first: Int, $after: String) {
    reads(filter: $filter, first: $first, after: $after) {
      nodes {
        sequence at viewer address question fields outcome error rows answeredAt
        object { id name type }
        parameters { name type value reference { id name type } }
      }
      pageInfo { hasNextPage endCursor }
      watermark gone
    }
  }
`);

export type Read = AnswerOf<typeof readsQuery>['reads']['nodes'][number];
export type ReadFilter = NonNullable<QuestionOf<typeof readsQuery>['filter']>;
