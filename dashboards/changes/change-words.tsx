// What a change says of itself: what happened, who, why. Plain words first, the technical name second.
import type { ReactNode } from 'react';
import { Badge } from '../parts/badge.tsx';
import { ChangeLink } from '../parts/links.tsx';
import { describeChange } from '../words/outcome-words.ts';
import { colourOfStage, describeStage } from '../words/stage-words.ts';
import { describeKnown } from '../words/value-words.ts';
import type { Change } from './change-fields.ts';

export function StageDot({ stage }: { stage: string }): ReactNode {
  return <span className="stage-dot" style={{ backgroundColor: `var(${colourOfStage(stage)})` }} aria-hidden="true" />;
}

export function WhatHappened({ change }: { change: Change }): ReactNode {
  return (
    <div className="what">
      <span className="what-plain">
        <StageDot stage={change.stage} />
        {describeChange(change)}
      </span>
      <span className="what-technical">
        {describeStage(change.stage)} · <code>{change.outcome}</code>
      </span>
      <ErrorText error={change.error} outcome={change.outcome} />
      {change.outOfBand && <OutOfBandBadge />}
    </div>
  );
}

/** An error that only repeats the outcome says nothing more. */
export function ErrorText({ error, outcome }: { error: string | null; outcome: string }): ReactNode {
  return error !== null && error !== outcome && <span className="what-error">{error}</span>;
}

export function OutOfBandBadge(): ReactNode {
  return (
    <Badge tone="warn" title="A change in a connected system that no export of ours explains">
      out of band
    </Badge>
  );
}

export function Who({ change }: { change: Change }): ReactNode {
  return (
    <div className="who">
      {change.initiator === null ? (
        <span className="muted">Initiator not known</span>
      ) : (
        <>
          <span>{change.initiator}</span>
          <span className="muted">{describeKnown(change.initiatorKnown)}</span>
        </>
      )}
    </div>
  );
}

export function Why({ change }: { change: Change }): ReactNode {
  return (
    <div className="why muted">
      {change.rule !== null && <span>rule {change.rule}</span>}
      {change.causes.length > 0 && (
        <span>
          because of{' '}
          {change.causes.map((cause, position) => (
            <span key={cause}>
              {position > 0 && ', '}
              <ChangeLink sequence={cause} />
            </span>
          ))}
        </span>
      )}
    </div>
  );
}
