// Grey lines where the answer will stand.
import type { ReactNode } from 'react';

export function Skeleton({ what, lines }: { what: string; lines: number }): ReactNode {
  return (
    <div className="skeleton" role="status" aria-label={`Loading ${what}…`}>
      {Array.from({ length: lines }, (_, line) => `line ${line}`).map((line) => (
        <div key={line} className="skeleton-line" />
      ))}
    </div>
  );
}
