// The change log itself: how long it is, how far delivered, and the root that proves it.
import type { ReactNode } from 'react';
import { formatDuration, measureDelay } from '../dates.ts';
import { formatCount } from '../numbers.ts';
import { Section } from '../page/page.tsx';
import { HashText } from '../parts/hash-text.tsx';
import type { Overview } from './overview-query.ts';

/** What a backlog does to runs. */
const PRESSURES: Readonly<Record<string, string>> = {
  slow: 'Runs are slowed down until ClickHouse has caught up.',
  hold: 'Runs are held until ClickHouse has taken some of it.',
  'disk-low': 'The disk of the data folder is nearly full: runs are stopped.',
};

export function LogSection({ log }: { log: Overview['log'] }): ReactNode {
  return (
    <Section title="Change log" className="log-section">
      {log.problem !== null && (
        <p className="notice bad" role="alert">
          {log.problem}
        </p>
      )}
      {log.destinations.map(
        ({ destination, problem }) =>
          problem !== null && (
            <p key={destination} className="notice bad" role="alert">
              {problem}
            </p>
          ),
      )}
      <dl className="pairs">
        <dt>State</dt>
        <dd>{log.state}</dd>
        <dt>Accepted events</dt>
        <dd>{formatCount(log.size)}</dd>
        <dt title="Every answer stops here: all events below are in ClickHouse">Delivered up to (watermark)</dt>
        <dd>{formatCount(log.watermark)}</dd>
        <dt>Not delivered yet (lag)</dt>
        <dd>
          {formatCount(log.lag)}
          {log.lag > 0 && `, the oldest for ${formatDuration(log.lagSeconds * 1000)}`}
          {PRESSURES[log.pressure] !== undefined && <> · {PRESSURES[log.pressure]}</>}
        </dd>
        <dt>Merkle root</dt>
        <dd>
          <HashText hash={log.root} what="the Merkle root" />
        </dd>
        <dt title="What somebody else keeps cannot be rewritten here without being found out">
          Newest checkpoint outside
        </dt>
        <dd>{describeOutside(log)}</dd>
        <dt>Origin</dt>
        <dd className="dn">{log.origin}</dd>
      </dl>
    </Section>
  );
}

function describeOutside({ outside, destinations }: Overview['log']): ReactNode {
  if (outside === null)
    return destinations.length === 0 ? 'None: no witness or other destination is configured' : 'None yet';
  const age = formatDuration(measureDelay(outside.at, new Date().toISOString()));
  return `${formatCount(outside.size)} events, ${age} ago, ${outside.destination}`;
}
