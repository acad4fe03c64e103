// What alerts found, and that somebody has seen it.
import { type AnswerOf, operation } from '../operation.ts';

export const alertsQuery = operation(`
  query Alerts {
    alerts {
      name kind severity watched tell open unacknowledged
      occurrences(first: 20) {
        nodes {
          id severity cause first last count since raisedAt endedAt
          told { destination kind host told at failure problem }
          acknowledged { event at by why }
        }
        pageInfo { hasNextPage }
      }
    }
    viewer { roles }
  }
`);

export const acknowledgeQuery = operation(`
  mutation Acknowledge($occurrence: Sequence!, $why: String!, $key: String!) {
    acknowledgeAlert(occurrence: $occurrence, why: $why, idempotencyKey: $key) { id }
  }
`);

export type Alert = AnswerOf<typeof alertsQuery>['alerts'][number];
export type Occurrence = Alert['occurrences']['nodes'][number];
