// The way of a change through the systems, downwards in time: what led to it, itself, what it led to, with the delay of
// every hop.
import type { ReactNode } from 'react';
import { formatDuration, measureDelay } from '../dates.ts';
import { isSame } from '../numbers.ts';
import { Instant } from '../parts/instant.tsx';
import { ChangeLink } from '../parts/links.tsx';
import type { Change } from './change-fields.ts';
import { ToWhat } from './change-table.tsx';
import { StageDot, WhatHappened, Who } from './change-words.tsx';
import { ValueSummary } from './value-change.tsx';

interface TrailProps {
  label: string;
  changes: readonly Change[];
  /** The change the trail is about. */
  current: Change;
  /** Where the first hop begins; none: the trail begins with a root. */
  after?: Change;
}

export function Trail({ label, changes, current, after }: TrailProps): ReactNode {
  return (
    <ol className="trail" aria-label={label}>
      {changes.map((change, position) => (
        <Hop
          key={change.sequence}
          change={change}
          isCurrent={isSame(change.sequence, current.sequence)}
          before={after === undefined ? changes[position - 1] : findCause(change, [after, ...changes])}
        />
      ))}
    </ol>
  );
}

/** Its principal cause among those shown, else the change the trail starts from. */
function findCause(change: Change, shown: readonly Change[]): Change | undefined {
  return shown.find((other) => isSame(other.sequence, change.causes[0])) ?? shown[0];
}

function Hop({ change, before, isCurrent }: { change: Change; before?: Change | undefined; isCurrent: boolean }) {
  return (
    <li className={isCurrent ? 'hop current' : 'hop'} aria-current={isCurrent ? 'true' : undefined}>
      <div className="hop-time">
        <Instant at={change.occurredAt} />
        {before === undefined ? (
          <span className="muted">{isSame(change.sequence, change.root) ? 'the root' : 'after what has expired'}</span>
        ) : (
          <span className="hop-delay" title={`since change ${before.sequence}`}>
            {describeHop(before, change)}
          </span>
        )}
      </div>
      <StageDot stage={change.stage} />
      <div className="hop-body">
        <div className="hop-head">
          <WhatHappened change={change} />
          {isCurrent ? <strong className="muted">this change</strong> : <ChangeLink sequence={change.sequence} />}
        </div>
        <ToWhat change={change} />
        <ValueSummary values={change.values} />
        {before === undefined && <Who change={change} />}
      </div>
    </li>
  );
}

function describeHop(before: Change, change: Change): string {
  const delay = measureDelay(before.occurredAt, change.occurredAt);
  if (delay < 0) return `${formatDuration(-delay)} before #${before.sequence}`;
  return delay === 0 ? 'at the same time' : `${formatDuration(delay)} later`;
}
