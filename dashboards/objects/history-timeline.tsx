// Changes on a line of time, under a heading for each day (UTC).
import type { ReactNode } from 'react';
import type { Change } from '../changes/change-fields.ts';
import { StageDot, WhatHappened, Who, Why } from '../changes/change-words.tsx';
import { ValueSummary } from '../changes/value-change.tsx';
import { formatDate, formatDay } from '../dates.ts';
import { Instant } from '../parts/instant.tsx';
import { ChangeLink } from '../parts/links.tsx';
import { nameAgent } from '../words/value-words.ts';

export function HistoryTimeline({ changes }: { changes: readonly Change[] }): ReactNode {
  return groupByDay(changes).map(({ day, changes: ofDay }) => (
    <section key={`${day} ${ofDay[0]?.sequence}`} className="day" aria-label={formatDay(day)}>
      <h2>
        {formatDay(day)} <span className="muted">UTC</span>
      </h2>
      <ol className="timeline">
        {ofDay.map((change) => (
          <TimelineItem key={change.sequence} change={change} />
        ))}
      </ol>
    </section>
  ));
}

function TimelineItem({ change }: { change: Change }): ReactNode {
  return (
    <li>
      <div className="timeline-time">
        <Instant at={change.occurredAt} only="time" />
        <ChangeLink sequence={change.sequence} />
      </div>
      <StageDot stage={change.stage} />
      <div className="timeline-what">
        <WhatHappened change={change} />
        <span className="muted">{nameAgent(change.agent)}</span>
        {change.dn !== null && change.dn !== '' && <span className="dn">{change.dn}</span>}
      </div>
      <ValueSummary values={change.values} />
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
