// The run history, newest first.
import type { ReactNode } from 'react';
import { useSearchParams } from 'react-router';
import { Answer } from '../answers/answer.tsx';
import { useAnswer } from '../answers/use-answer.ts';
import { AgentField } from '../changes/change-filter-form.tsx';
import { Page } from '../page/page.tsx';
import { Gone } from '../parts/gone.tsx';
import { Paging } from '../parts/paging.tsx';
import { RunTable } from './run-table.tsx';
import { runsQuery } from './runs-query.ts';

const PAGE_SIZE = 50;

export function RunsPage(): ReactNode {
  const [params, setParams] = useSearchParams();
  const agent = params.get('agent');
  const query = useAnswer(runsQuery, { agent, first: PAGE_SIZE, after: params.get('after') }, { keep: true });
  return (
    <Page title="Runs" lead="What every agent did, and whether the log holds all of it.">
      <form
        key={agent}
        className="filter inline"
        aria-label="Filter the runs"
        onChange={(event) => {
          const chosen = new FormData(event.currentTarget).get('agent');
          setParams(typeof chosen === 'string' && chosen !== '' ? { agent: chosen } : {});
        }}
      >
        <AgentField value={agent ?? ''} />
      </form>
      <Answer query={query} what="runs">
        {({ runs }) => (
          <>
            <RunTable runs={runs.nodes} label="Runs, newest first" />
            {runs.nodes.length > 0 && <Paging {...runs} />}
            <Gone gone={runs.gone} />
          </>
        )}
      </Answer>
    </Page>
  );
}
