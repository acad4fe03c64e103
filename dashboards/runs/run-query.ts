// One run with everything that its steps counted.
import { type AnswerOf, operation } from '../operation.ts';

export const runQuery = operation(`
  query RunWithSteps($id: Sequence!) {
    run(id: $id) {
      id agent profile startedAt finishedAt result
      steps {
        number kind result startedAt finishedAt complete
        input { name bytes sha256 }
        counters { name count }
        counted { name count }
        balance { read unchanged changed refused gone }
      }
    }
  }
`);

export type Run = NonNullable<AnswerOf<typeof runQuery>['run']>;
export type RunStep = Run['steps'][number];
