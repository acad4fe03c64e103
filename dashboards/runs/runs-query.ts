// Runs of all agents or of one, newest first.
import { operation } from '../operation.ts';
import { runSummary } from './run-fields.ts';

export const runsQuery = operation(
  `
  query Runs($agent: String, $first: Int!, $after: String) {
    runs(agent: $agent, first: $first, after: $after) {
      nodes { ...RunSummary }
      pageInfo { hasNextPage endCursor }
      gone
    }
  }
`,
  [runSummary],
);
