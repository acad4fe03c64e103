// One run with everything that its steps counted.
import { type AnswerOf, operation } from '../operation.ts';

export const runQuery = operation(`
  query RunWithSteps($id: Sequence!) {
    run(sequence: $id) {
      sequence agent profile startedAt finishedAt result
      steps {
        number kind result message startedAt finishedAt complete faults
        input { name bytes sha256 }
        counters { stage agent objectType name count }
        counted { stage agent objectType name count }
        balance { read unchanged changed refused gone }
      }
    }
    log { expiredBelow gone }
  }
`);

export type Run = NonNullable<AnswerOf<typeof runQuery>['run']>;
export type RunStep = Run['steps'][number];
