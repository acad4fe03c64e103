// An instant: seconds to read, all digits to hover.
import type { ReactNode } from 'react';
import { formatDate, formatExactly, formatInstant, formatTime } from '../dates.ts';

export function Instant({ at, only }: { at: string; only?: 'date' | 'time' }): ReactNode {
  const text = only === 'date' ? formatDate(at) : only === 'time' ? formatTime(at) : formatInstant(at);
  return (
    <time dateTime={at} title={formatExactly(at)}>
      {text}
    </time>
  );
}
