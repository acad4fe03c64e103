// All of the first page in one question.
import { type AnswerOf, operation } from '../operation.ts';
import { runSummary } from '../runs/run-fields.ts';

export const overviewQuery = operation(
  `
  query Overview {
    overview {
      until gone
      objectCounts { name count }
      changesByMonth { period stage count }
      turnover { period joiners leavers }
      problems {
        outcome error stage agent count
        latest { sequence occurredAt object { id name type } dn }
      }
      outOfBand
      openLeaverAccounts
      openLeavers { person { id name type } agent leftAt openHours }
      leaverDelays { agent closed open medianHours p95Hours maximumHours }
      recentRuns { ...RunSummary }
      log {
        origin size watermark lag lagSeconds pressure root state problem
        outside { destination size at }
        destinations { destination problem }
      }
    }
  }
`,
  [runSummary],
);

export type Overview = AnswerOf<typeof overviewQuery>['overview'];
