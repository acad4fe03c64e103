// The numbers at the top; each leads to what it counts.
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { formatCount } from '../numbers.ts';
import { pluralise } from '../words/value-words.ts';
import type { Overview } from './overview-query.ts';

const OBJECT_TYPES_SHOWN = 3;

export function KeyFigures({ overview }: { overview: Overview }): ReactNode {
  return (
    <ul className="key-figures" aria-label="Key figures">
      {overview.objectCounts.slice(0, OBJECT_TYPES_SHOWN).map(({ name, count }) => (
        <KeyFigure key={name} count={count} label={pluralise(name)} to={`/objects?type=${encodeURIComponent(name)}`} />
      ))}
      <KeyFigure
        count={overview.openLeaverAccounts}
        label="Accounts of leavers still open"
        to="#leavers"
        tone={overview.openLeaverAccounts > 0 ? 'bad' : 'good'}
      />
      <KeyFigure
        count={overview.outOfBand}
        label="Out-of-band changes"
        to="/changes?outOfBand=true"
        tone={overview.outOfBand > 0 ? 'warn' : 'good'}
      />
      <KeyFigure
        count={overview.problems.reduce((sum, problem) => sum + problem.count, 0)}
        label="Refused or lost"
        to="#problems"
        tone={overview.problems.length > 0 ? 'warn' : 'good'}
      />
    </ul>
  );
}

interface KeyFigureProps {
  count: number;
  label: string;
  to: string;
  tone?: 'good' | 'warn' | 'bad';
}

function KeyFigure({ count, label, to, tone }: KeyFigureProps): ReactNode {
  const content = (
    <>
      <span className="key-count">{formatCount(count)}</span>
      <span className="key-label">{label}</span>
    </>
  );
  return (
    <li className={`key-figure ${tone ?? ''}`}>
      {to.startsWith('#') ? (
        <button type="button" onClick={() => document.querySelector(to)?.scrollIntoView({ block: 'start' })}>
          {content}
        </button>
      ) : (
        <Link to={to}>{content}</Link>
      )}
    </li>
  );
}
