// One change: every column of it, every value, and its place in the chain of causes.
import type { ReactNode } from 'react';
import { Link, useParams } from 'react-router';
import { Answer, Empty } from '../answers/answer.tsx';
import { useAnswer } from '../answers/use-answer.ts';
import { formatDuration, measureDelay } from '../dates.ts';
import { formatCount, formatCounted } from '../numbers.ts';
import type { AnswerOf } from '../operation.ts';
import { Page, Section } from '../page/page.tsx';
import { Gone, hasExpired } from '../parts/gone.tsx';
import { Instant } from '../parts/instant.tsx';
import { describeChange } from '../words/outcome-words.ts';
import { ChangeFacts } from './change-facts.tsx';
import { changeQuery } from './change-query.ts';
import { WhatHappened } from './change-words.tsx';
import { ProofLine } from './proof-line.tsx';
import { Trail } from './trail.tsx';
import { ValueTable } from './value-change.tsx';

type ChangeWithTrail = NonNullable<AnswerOf<typeof changeQuery>['change']>;

const MOST_CONSEQUENCES = 100;

export function ChangePage(): ReactNode {
  const { sequence = '' } = useParams();
  const isSequence = /^\d+$/.test(sequence);
  const query = useAnswer(changeQuery, { sequence }, { enabled: isSequence });
  if (!isSequence) return <NoChange sequence={sequence} />;
  if (query.data === undefined)
    return (
      <Page title={`Change #${sequence}`} above={<Link to="/changes">Changes</Link>}>
        <Answer query={query} what="the change" lines={12}>
          {() => null}
        </Answer>
      </Page>
    );
  const { change, log } = query.data;
  return change === null ? <NoChange sequence={sequence} log={log} /> : <ChangeDetail change={change} />;
}

function NoChange({ sequence, log }: { sequence: string; log?: AnswerOf<typeof changeQuery>['log'] }): ReactNode {
  const expired = log !== undefined && hasExpired(sequence, log.expiredBelow);
  return (
    <Page title={`Change #${sequence}`} above={<Link to="/changes">Changes</Link>}>
      {expired ? (
        <>
          <Empty title={`The change ${sequence} has expired.`} />
          <Gone gone={log.gone} />
        </>
      ) : (
        <Empty title={`There is no change with the sequence ${sequence}.`}>
          {log !== undefined && `The log holds ${formatCount(log.watermark)} delivered changes, numbered from 0.`}
        </Empty>
      )}
    </Page>
  );
}

function ChangeDetail({ change }: { change: ChangeWithTrail }): ReactNode {
  return (
    <Page
      title={`Change #${change.sequence}`}
      above={<Link to="/changes">Changes</Link>}
      beside={<Neighbours sequence={String(change.sequence)} />}
      lead={
        <>
          {describeChange(change)}
          {change.object?.name !== undefined && change.object.name !== null && `: ${change.object.name}`},{' '}
          <Instant at={change.occurredAt} /> UTC
        </>
      }
    >
      <div className="change-detail">
        <div>
          <Section title="Values">
            <WhatHappened change={change} />
            <ValueTable values={change.values} />
          </Section>
          <Section title="All columns">
            <ChangeFacts change={change} />
          </Section>
          <Section title="Proof">
            <ProofLine proof={change.proof} />
          </Section>
        </div>
        <div>
          <Section title="What led to it" note={describeWay(change)}>
            <Gone gone={change.gone} />
            <Trail label="What led to this change" changes={change.causedBy} current={change} />
          </Section>
          <Section title="What it led to" note={describeConsequences(change)}>
            {change.ledTo.length === 0 ? (
              <Empty title="Nothing in this log was caused by this change." />
            ) : (
              <Trail label="What this change led to" changes={change.ledTo} current={change} after={change} />
            )}
          </Section>
        </div>
      </div>
    </Page>
  );
}

/** The log is dense: the changes before and after are there, or the log ends. */
function Neighbours({ sequence }: { sequence: string }): ReactNode {
  const number = BigInt(sequence);
  return (
    <nav className="neighbours" aria-label="Neighbours in the log">
      {number > 0n && <Link to={`/changes/${number - 1n}`}>Previous</Link>}
      <Link to={`/changes/${number + 1n}`}>Next</Link>
    </nav>
  );
}

function describeWay(change: ChangeWithTrail): string {
  const [root] = change.causedBy;
  const hops = change.causedBy.length - 1;
  if (root === undefined || hops < 1)
    return change.gone === null ? 'It is a root: nothing in this log caused it.' : 'What led to it has expired.';
  if (change.gone !== null) return `${formatCounted(hops, 'hop')} from the first change that has not expired`;
  return `${formatCounted(hops, 'hop')}, ${formatDuration(measureDelay(root.occurredAt, change.occurredAt))} from the root`;
}

function describeConsequences(change: ChangeWithTrail): string | undefined {
  const count = change.ledTo.length;
  if (count === 0) return undefined;
  return count < MOST_CONSEQUENCES ? formatCounted(count, 'change') : `the first ${count} changes`;
}
