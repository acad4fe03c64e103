// The reports that can be made, each with its parameters.
import { type AnswerOf, operation } from '../operation.ts';

export const reportsQuery = operation(`
  query Reports {
    reports {
      name title description
      parameters { name label type required }
    }
    log { gone }
  }
`);

export type ReportDefinition = AnswerOf<typeof reportsQuery>['reports'][number];
