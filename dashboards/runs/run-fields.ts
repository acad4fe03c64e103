// What a list of runs asks of each run.
import { type AnswerOf, operation } from '../operation.ts';

export const runSummary = operation(`
  fragment RunSummary on Run {
    sequence agent profile startedAt finishedAt result
    steps { number kind result complete balance { read unchanged changed refused gone } }
  }
`);

export type RunSummary = AnswerOf<typeof runSummary>;
