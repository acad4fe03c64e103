// What went wrong or was refused, with a way to the latest case and to all of them.
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { Empty } from '../answers/answer.tsx';
import { ErrorText, StageDot } from '../changes/change-words.tsx';
import { formatCount } from '../numbers.ts';
import { Instant } from '../parts/instant.tsx';
import { ChangeLink, ObjectLink } from '../parts/links.tsx';
import { Columns, TableFrame } from '../parts/table-frame.tsx';
import { describeOutcome } from '../words/outcome-words.ts';
import { describeStage } from '../words/stage-words.ts';
import { nameAgent } from '../words/value-words.ts';
import type { Overview } from './overview-query.ts';

type Problem = Overview['problems'][number];

export function ProblemTable({ problems }: { problems: readonly Problem[] }): ReactNode {
  if (problems.length === 0) return <Empty title="Nothing was refused or lost." />;
  return (
    <TableFrame label="Problems">
      <Columns names={['What', 'Agent', '#How often', 'Latest']} />
      <tbody>
        {problems.map((problem) => (
          <tr key={[problem.outcome, problem.error, problem.stage, problem.agent].join('\u0000')}>
            <td>
              <div className="what">
                <span className="what-plain">
                  <StageDot stage={problem.stage} />
                  {describeOutcome(problem.stage, problem.outcome)}
                </span>
                <span className="what-technical">
                  {describeStage(problem.stage)} · <code>{problem.outcome}</code>
                </span>
                <ErrorText error={problem.error} outcome={problem.outcome} />
              </div>
            </td>
            <td>{nameAgent(problem.agent)}</td>
            <td className="number">
              <Link to={`/changes?${linkAll(problem)}`} aria-label={`All ${problem.count} changes`}>
                {formatCount(problem.count)}
              </Link>
            </td>
            <td>
              <Latest latest={problem.latest} />
            </td>
          </tr>
        ))}
      </tbody>
    </TableFrame>
  );
}

function Latest({ latest }: { latest: Problem['latest'] }): ReactNode {
  return (
    <div className="to-what">
      <span>
        <ChangeLink sequence={latest.sequence} />{' '}
        {latest.object === null ? <span className="dn">{latest.dn}</span> : <ObjectLink object={latest.object} />}
      </span>
      <span className="muted">
        <Instant at={latest.occurredAt} />
      </span>
    </div>
  );
}

function linkAll(problem: Problem): URLSearchParams {
  const params = new URLSearchParams({ stages: problem.stage, outcomes: problem.outcome });
  if (problem.agent !== null && problem.agent !== '') params.set('agent', problem.agent);
  return params;
}
