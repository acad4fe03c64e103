// Changes on a line of time, under a heading for each day (UTC).
import type { ReactNode } from 'react';
import type { Change } from '../changes/change-fields.ts';
import { describePlace } from '../changes/change-table.tsx';
import { StageDot, WhatHappened, Who, Why } from '../changes/change-words.tsx';
import { type Sought, ValueSummary } from '../changes/value-change.tsx';
import { formatDate, formatDay } from '../dates.ts';
import { Instant } from '../parts/instant.tsx';
import { ChangeLink, ObjectLink } from '../parts/links.tsx';

interface HistoryTimelineProps {
  /** The object whose history it is. */
  id: string;
  changes: readonly Change[];
  sought: Sought;
}

export function HistoryTimeline({ id, changes, sought }: HistoryTimelineProps): ReactNode {
  return groupByDay(changes).map(({ day, changes: ofDay }) => (
    <section key={`${day} ${ofDay[0]?.sequence}`} className="day" aria-label={formatDay(day)}>
      <h2>
        {formatDay(day)} <span className="muted day-zone">UTC</span>
      </h2>
      <ol className="timeline">
        {ofDay.map((change) => (
          <TimelineItem key={change.sequence} id={id} change={change} sought={sought} />
        ))}
      </ol>
    </section>
  ));
}

function TimelineItem({ id, change, sought }: { id: string; change: Change; sought: Sought }): ReactNode {
  return (
    <li>
      <div className="timeline-time">
        <Instant at={change.occurredAt} only="time" />
        <ChangeLink sequence={change.sequence} />
      </div>
      <StageDot stage={change.stage} />
      <div className="timeline-what">
        <WhatHappened change={change} />
        {change.object !== null && change.object.id !== id && (
          <span className="timeline-other">
            <ObjectLink object={change.object} withType />
          </span>
        )}
        <span className="muted dn">{describePlace(change)}</span>
      </div>
      <ValueSummary values={change.values} sought={sought} />
      <div className="timeline-who">
        <Who change={change} />
        <Why change={change} />
      </div>
    </li>
  );
}

/** Neighbours of the same day together; the order is that of the answer. */
function groupByDay(changes: readonly Change[]): { day: string; changes: Change[] }[] {
  const days: { day: string; changes: Change[] }[] = [];
  for (const change of changes) {
    const day = formatDate(change.occurredAt);
    const last = days.at(-1);
    if (last?.day === day) last.changes.push(change);
    else days.push({ day, changes: [change] });
  }
  return days;
}
