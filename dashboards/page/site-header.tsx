// Name, navigation, and the reminder that all times are UTC.
import { useIsFetching, useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Link, NavLink } from 'react-router';
import { useAnswer } from '../answers/use-answer.ts';
import { viewerQuery } from '../viewer/viewer-query.ts';
import { ViewerState } from '../viewer/viewer-state.tsx';
import { LogState } from './log-state.tsx';

/** Each with the question that it asks: a page that whoever is signed in may not ask for is not offered. */
const PAGES = [
  ['/', 'Overview', 'overview'],
  ['/changes', 'Changes', 'changes'],
  ['/objects', 'Objects', 'objects'],
  ['/runs', 'Runs', 'runs'],
  ['/alerts', 'Alerts', 'alerts'],
  ['/reports', 'Reports', 'report'],
  ['/reads', 'Who looked', 'reads'],
  ['/graphiql', 'GraphiQL', '__schema'],
] as const;

export function SiteHeader(): ReactNode {
  return (
    <header className="site-header">
      {/* Not a link: the page has a <base>, which would lead a fragment to the first page. */}
      <button type="button" className="skip-link" onClick={() => document.querySelector<HTMLElement>('h1')?.focus()}>
        Skip to the content
      </button>
      <Link to="/" className="site-name">
        <img src="favicon.svg" alt="" width="24" height="24" />
        Metatrail
      </Link>
      <nav aria-label="Pages of Metatrail">
        <PageLinks />
      </nav>
      <div className="site-state">
        <LogState />
        <ViewerState />
        <span title="Coordinated Universal Time, on every page and in every report">All times UTC</span>
        <RefreshButton />
      </div>
    </header>
  );
}

function PageLinks(): ReactNode {
  const { data } = useAnswer(viewerQuery, {});
  const offered = PAGES.filter(([, , question]) => data === undefined || data.viewer.questions.includes(question));
  return offered.map(([path, name]) => (
    <NavLink key={path} to={path} end={path === '/'}>
      {name}
    </NavLink>
  ));
}

function RefreshButton(): ReactNode {
  const answers = useQueryClient();
  const asking = useIsFetching() > 0;
  return (
    <button type="button" className="small" disabled={asking} onClick={() => void answers.invalidateQueries()}>
      {asking ? 'Loading…' : 'Refresh'}
    </button>
  );
}
