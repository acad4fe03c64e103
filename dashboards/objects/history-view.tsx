// What happened to an object, newest first, day by day, across all systems.
import type { ReactNode } from 'react';
import { Link, useSearchParams } from 'react-router';
import { Answer, Empty } from '../answers/answer.tsx';
import { useAnswer } from '../answers/use-answer.ts';
import { readChangeFilter, readList, writeChangeFilter } from '../changes/change-filter.ts';
import { AgentField, FilterChips } from '../changes/change-filter-form.tsx';
import { ChoiceMenu } from '../parts/choice-menu.tsx';
import { TextField } from '../parts/field.tsx';
import { Gone } from '../parts/gone.tsx';
import { Paging } from '../parts/paging.tsx';
import { describeStage, KNOWN_STAGES } from '../words/stage-words.ts';
import { HistoryTimeline } from './history-timeline.tsx';
import { historyQuery } from './object-query.ts';

const PAGE_SIZE = 50;

export function HistoryView({ id }: { id: string }): ReactNode {
  const [params] = useSearchParams();
  const filter = readChangeFilter(params);
  const query = useAnswer(historyQuery, { id, filter, first: PAGE_SIZE, after: params.get('after') }, { keep: true });
  return (
    <>
      <HistoryFilter />
      <FilterChips />
      <Answer query={query} what="the history" lines={10}>
        {({ object }) =>
          object !== null && (
            <>
              {object.history.nodes.length === 0 ? (
                <Empty title="No change of this object fits these filters.">
                  <Link to="?">Show its whole history</Link>
                </Empty>
              ) : (
                <>
                  <HistoryTimeline id={id} changes={object.history.nodes} sought={filter} />
                  <Paging {...object.history} />
                </>
              )}
              <Gone gone={object.history.gone} />
            </>
          )
        }
      </Answer>
    </>
  );
}

function HistoryFilter(): ReactNode {
  const [params, setParams] = useSearchParams();
  const filter = readChangeFilter(params);
  const stages = readList(params, 'stages');
  return (
    <form
      key={params.toString()}
      className="filter inline"
      aria-label="Filter the history"
      onSubmit={(event) => {
        event.preventDefault();
        setParams(writeChangeFilter(new FormData(event.currentTarget)));
      }}
    >
      <TextField label="Attribute" name="attribute" defaultValue={filter.attribute ?? ''} />
      <AgentField value={filter.agent ?? ''} />
      <ChoiceMenu
        name="stages"
        label="Stage"
        chosen={stages}
        choices={KNOWN_STAGES.map((value) => ({ value, text: describeStage(value) }))}
      />
      <button type="submit" className="primary">
        Apply
      </button>
    </form>
  );
}
