// A short word in a coloured frame. The word says everything; the colour only repeats it.
import type { ReactNode } from 'react';
import { describeResult, judgeResult, type Tone } from '../words/result-words.ts';

export function Badge({ tone = 'neutral', title, children }: BadgeProps): ReactNode {
  return (
    <span className={`badge ${tone}`} title={title}>
      {children}
    </span>
  );
}

interface BadgeProps {
  tone?: Tone;
  title?: string;
  children: ReactNode;
}

export function ResultBadge({ result }: { result: string }): ReactNode {
  return (
    <Badge tone={judgeResult(result)} title={result}>
      {describeResult(result)}
    </Badge>
  );
}
