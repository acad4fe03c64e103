// The change log, newest first, by any filter.
import type { ReactNode } from 'react';
import { Link, useSearchParams } from 'react-router';
import { Answer, Empty } from '../answers/answer.tsx';
import { useAnswer } from '../answers/use-answer.ts';
import { Page } from '../page/page.tsx';
import { Gone } from '../parts/gone.tsx';
import { Paging } from '../parts/paging.tsx';
import { readChangeFilter } from './change-filter.ts';
import { ChangeFilterForm, FilterChips } from './change-filter-form.tsx';
import { ChangeTable } from './change-table.tsx';
import { changesQuery } from './changes-query.ts';

const PAGE_SIZE = 50;

export function ChangesPage(): ReactNode {
  const [params] = useSearchParams();
  const filter = readChangeFilter(params);
  const query = useAnswer(changesQuery, { filter, first: PAGE_SIZE, after: params.get('after') }, { keep: true });
  const filtered = Object.keys(filter).length > 0;
  return (
    <Page title="Changes" lead="Everything the log knows, newest first. The address of this page holds its filters.">
      <ChangeFilterForm />
      <FilterChips />
      <Answer query={query} what="changes" lines={10}>
        {({ changes }) => (
          <>
            {changes.nodes.length === 0 ? (
              <Empty title={filtered ? 'No change fits these filters.' : 'The log has no changes yet.'}>
                {filtered ? <Link to="?">Clear all filters</Link> : 'They appear here with the first run of an agent.'}
              </Empty>
            ) : (
              <>
                <ChangeTable changes={changes.nodes} label="Changes, newest first" sought={filter} />
                <Paging {...changes} />
              </>
            )}
            <Gone gone={changes.gone} />
          </>
        )}
      </Answer>
    </Page>
  );
}
