// One object, in four views: its history, its state, its access, and, of a group, its holders.
import type { ReactNode } from 'react';
import { Link, useParams, useSearchParams } from 'react-router';
import { Answer, Empty } from '../answers/answer.tsx';
import { useAnswer } from '../answers/use-answer.ts';
import { Page } from '../page/page.tsx';
import { Badge } from '../parts/badge.tsx';
import { Gone } from '../parts/gone.tsx';
import { HistoryView } from './history-view.tsx';
import { AccessView, HoldersView } from './holding-views.tsx';
import { type ObjectHeader, objectQuery } from './object-query.ts';
import { StateView } from './state-view.tsx';

const VIEWS = { history: 'History', state: 'State', access: 'Access', holders: 'Members' } as const;
type View = keyof typeof VIEWS;

export function ObjectPage(): ReactNode {
  const { id = '' } = useParams();
  const query = useAnswer(objectQuery, { id });
  const above = <Link to="/objects">Objects</Link>;
  const object = query.data?.object;
  if (object === undefined)
    return (
      <Page title="Object" above={above}>
        <Answer query={query} what="the object" lines={10}>
          {() => null}
        </Answer>
      </Page>
    );
  if (object === null)
    return (
      <Page title="No such object" above={above}>
        <Empty title={`The log knows no object with the id ${id}.`} />
        <Gone gone={query.data?.log.gone ?? null} />
      </Page>
    );
  return (
    <Page
      title={object.name ?? 'Object without a name'}
      above={above}
      beside={
        <>
          <Badge>{object.type}</Badge>
          {object.deleted && <Badge tone="bad">deleted</Badge>}
        </>
      }
      lead={<code title="The metaverse id">{object.id}</code>}
    >
      <ObjectViews key={object.id} object={object} />
    </Page>
  );
}

function ObjectViews({ object }: { object: ObjectHeader }): ReactNode {
  const [params] = useSearchParams();
  const views = listViews(object);
  const view = views.find((name) => name === params.get('view')) ?? 'history';
  return (
    <>
      <nav className="views" aria-label="Views of this object">
        {views.map((name) => (
          <Link key={name} to={`?${linkView(params, name)}`} aria-current={name === view ? 'page' : undefined}>
            {VIEWS[name]}
          </Link>
        ))}
        <Link to={`/reads?${new URLSearchParams({ object: object.id })}`}>Who looked</Link>
      </nav>
      {view === 'history' && <HistoryView id={object.id} />}
      {view === 'state' && <StateView id={object.id} />}
      {view === 'access' && <AccessView id={object.id} />}
      {view === 'holders' && <HoldersView id={object.id} />}
    </>
  );
}

/** Only what can be held has members; of what is not a person one cannot know, so it is offered. */
function listViews(object: ObjectHeader): View[] {
  return object.type === 'person' ? ['history', 'state', 'access'] : ['history', 'holders', 'state', 'access'];
}

/** The instant stays the same from view to view; a filter of the history does not. */
function linkView(params: URLSearchParams, view: View): URLSearchParams {
  const next = new URLSearchParams(view === 'history' ? {} : { view });
  for (const key of view === 'history' ? [] : ['at', 'watermark']) {
    const value = params.get(key);
    if (value !== null) next.set(key, value);
  }
  return next;
}
