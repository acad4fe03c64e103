// One run, step by step.
import type { ReactNode } from 'react';
import { Link, useParams } from 'react-router';
import { Answer, Empty } from '../answers/answer.tsx';
import { useAnswer } from '../answers/use-answer.ts';
import { formatDuration, measureDelay } from '../dates.ts';
import { Page } from '../page/page.tsx';
import { ResultBadge } from '../parts/badge.tsx';
import { Gone, hasExpired } from '../parts/gone.tsx';
import { Instant } from '../parts/instant.tsx';
import { runQuery } from './run-query.ts';
import { CompleteBadge } from './run-table.tsx';
import { StepSection } from './step-section.tsx';

export function RunPage(): ReactNode {
  const { id = '' } = useParams();
  const isSequence = /^\d+$/.test(id);
  const query = useAnswer(runQuery, { id }, { enabled: isSequence });
  const run = query.data?.run;
  const above = <Link to="/runs">Runs</Link>;
  if (!isSequence || run === null) {
    const { expiredBelow = 0, gone = null } = query.data?.log ?? {};
    const expired = isSequence && hasExpired(id, expiredBelow);
    return (
      <Page title={`Run #${id}`} above={above}>
        <Empty title={expired ? `The run ${id} has expired.` : `There is no run with the number ${id}.`} />
        {expired && <Gone gone={gone} />}
      </Page>
    );
  }
  return (
    <Page
      title={run === undefined ? `Run #${id}` : `${run.agent}: ${run.profile}`}
      above={above}
      beside={
        run !== undefined && (
          <>
            <ResultBadge result={run.result} />
            <CompleteBadge steps={run.steps} running={run.finishedAt === null} />
          </>
        )
      }
      lead={
        run !== undefined && (
          <>
            Started <Instant at={run.startedAt} /> UTC
            {run.finishedAt !== null && `, took ${formatDuration(measureDelay(run.startedAt, run.finishedAt))}`}.{' '}
            <Link to={`/changes?run=${run.sequence}`}>All changes of this run</Link>
          </>
        )
      }
    >
      <Answer query={query} what="the run" lines={10}>
        {() => run?.steps.map((step) => <StepSection key={step.number} run={run.sequence} step={step} />)}
      </Answer>
    </Page>
  );
}
