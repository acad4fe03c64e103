// The log's state in the header: quiet while all is well, loud when it is not.
import type { ReactNode } from 'react';
import { useAnswer } from '../answers/use-answer.ts';
import { formatCount } from '../numbers.ts';
import { logQuery } from './log-query.ts';

export function LogState(): ReactNode {
  const { data } = useAnswer(logQuery, {});
  if (data === undefined) return null;
  const { log } = data;
  return (
    <span
      className={log.problem === null ? 'log-state' : 'log-state bad'}
      title={log.problem ?? `Delivered up to ${formatCount(log.watermark)} of ${formatCount(log.size)} events`}
    >
      {log.problem === null ? `${formatCount(log.size)} events` : 'Log has a problem'}
      {log.lag > 0 && `, ${formatCount(log.lag)} not delivered yet`}
    </span>
  );
}
