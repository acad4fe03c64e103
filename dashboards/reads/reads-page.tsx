// Who looked: every question about data that was asked of this log, newest first, this page's own included.
import type { ReactNode } from 'react';
import { Link, useSearchParams } from 'react-router';
import { Answer, Empty } from '../answers/answer.tsx';
import { useAnswer } from '../answers/use-answer.ts';
import { Page } from '../page/page.tsx';
import { InstantField, SelectField, TextField } from '../parts/field.tsx';
import { Gone } from '../parts/gone.tsx';
import { Paging } from '../parts/paging.tsx';
import { describeQuestion, describeReadOutcome, QUESTIONS, READ_OUTCOMES } from '../words/read-words.ts';
import { readReadFilter, writeReadFilter } from './read-filter.ts';
import { ReadTable } from './read-table.tsx';
import { readsQuery } from './reads-query.ts';

const PAGE_SIZE = 50;

export function ReadsPage(): ReactNode {
  const [params] = useSearchParams();
  const filter = readReadFilter(params);
  const query = useAnswer(readsQuery, { filter, first: PAGE_SIZE, after: params.get('after') }, { keep: true });
  return (
    <Page
      title="Who looked"
      lead="Every question about data is recorded before it is answered: who asked what, and how much they were told. That you look here is recorded as well."
    >
      <ReadFilterForm />
      <Answer query={query} what="reads" lines={10}>
        {({ reads }) => (
          <>
            {reads.nodes.length === 0 ? (
              <Empty title="No read fits these filters.">
                <Link to="?">Clear all filters</Link>
              </Empty>
            ) : (
              <>
                <ReadTable reads={reads.nodes} label="Reads, newest first" />
                <Paging {...reads} />
              </>
            )}
            <Gone gone={reads.gone} />
          </>
        )}
      </Answer>
    </Page>
  );
}

function ReadFilterForm(): ReactNode {
  const [params, setParams] = useSearchParams();
  const filter = readReadFilter(params);
  // A new address is a new form: its fields begin with what the address says.
  return (
    <form
      key={params.toString()}
      className="filter"
      aria-label="Filter the reads"
      onSubmit={(event) => {
        event.preventDefault();
        setParams(writeReadFilter(new FormData(event.currentTarget)));
      }}
    >
      <div className="filter-fields">
        <InstantField label="From" name="from" value={filter.from ?? undefined} />
        <InstantField label="To" name="to" value={filter.to ?? undefined} />
        <TextField label="Who asked" name="viewer" defaultValue={filter.viewer ?? ''} />
        <SelectField
          label="Question"
          name="question"
          value={filter.question ?? ''}
          choices={QUESTIONS.map((value) => ({ value, text: describeQuestion(value) }))}
        />
        <TextField label="Object (its id)" name="object" defaultValue={filter.object ?? ''} />
        <SelectField
          label="What became of it"
          name="outcome"
          value={filter.outcome ?? ''}
          choices={READ_OUTCOMES.map((value) => ({ value, text: describeReadOutcome(value) }))}
        />
      </div>
      <div className="filter-actions">
        <button type="submit" className="primary">
          Apply
        </button>
        {Object.keys(filter).length > 0 && <Link to="?">Clear all</Link>}
      </div>
    </form>
  );
}
