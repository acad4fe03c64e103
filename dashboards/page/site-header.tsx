// Name, navigation, and the reminder that all times are UTC.
import { useIsFetching, useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Link, NavLink } from 'react-router';
import { LogState } from './log-state.tsx';

const PAGES = [
  ['/', 'Overview'],
  ['/changes', 'Changes'],
  ['/objects', 'Objects'],
  ['/runs', 'Runs'],
  ['/reports', 'Reports'],
  ['/reads', 'Who looked'],
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
        {PAGES.map(([path, name]) => (
          <NavLink key={path} to={path} end={path === '/'}>
            {name}
          </NavLink>
        ))}
      </nav>
      <div className="site-state">
        <LogState />
        <span title="Coordinated Universal Time, on every page and in every report">All times UTC</span>
        <RefreshButton />
      </div>
    </header>
  );
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
