// Runs in a table: when, which, how it went, what it read, and whether the log is complete for it.
import type { ReactNode } from 'react';
import { Empty } from '../answers/answer.tsx';
import { formatDuration, measureDelay } from '../dates.ts';
import { formatCount } from '../numbers.ts';
import { Badge, ResultBadge } from '../parts/badge.tsx';
import { Instant } from '../parts/instant.tsx';
import { RunLink } from '../parts/links.tsx';
import { Columns, TableFrame } from '../parts/table-frame.tsx';
import { describeStepKind } from '../words/result-words.ts';
import type { RunSummary } from './run-fields.ts';

const COLUMNS = ['Started (UTC)', 'Agent', 'Run profile', 'Result', 'Steps', '#Read', '#Changed', '#Took', 'Log'];

export function RunTable({ runs, label }: { runs: readonly RunSummary[]; label: string }): ReactNode {
  if (runs.length === 0) return <Empty title="No run yet." />;
  return (
    <TableFrame label={label} className="runs">
      <Columns names={COLUMNS} />
      <tbody>
        {runs.map((run) => (
          <tr key={run.sequence}>
            <td className="when">
              <RunLink id={run.sequence}>
                <Instant at={run.startedAt} />
              </RunLink>
            </td>
            <td>{run.agent}</td>
            <td>{run.profile}</td>
            <td>
              <ResultBadge result={run.result} />
            </td>
            <td>{run.steps.map((step) => describeStepKind(step.kind)).join(', ')}</td>
            <td className="number">{sum(run, (balance) => balance.read)}</td>
            <td className="number">{sum(run, (balance) => balance.changed)}</td>
            <td className="number">
              {run.finishedAt === null ? '—' : formatDuration(measureDelay(run.startedAt, run.finishedAt))}
            </td>
            <td>
              <CompleteBadge steps={run.steps} running={run.finishedAt === null} />
            </td>
          </tr>
        ))}
      </tbody>
    </TableFrame>
  );
}

type Balance = NonNullable<RunSummary['steps'][number]['balance']>;

/** Over the import steps; other steps read nothing from a connected system. */
function sum(run: RunSummary, pick: (balance: Balance) => number): string {
  const balances = run.steps.flatMap(({ balance }) => (balance === null ? [] : [balance]));
  return balances.length === 0 ? '—' : formatCount(balances.reduce((total, balance) => total + pick(balance), 0));
}

/** Do the steps' counters equal those counted again from the log? */
export function CompleteBadge(props: { steps: readonly { complete: boolean }[]; running: boolean }): ReactNode {
  if (props.running) return <Badge>running</Badge>;
  return props.steps.every(({ complete }) => complete) ? (
    <Badge tone="good" title="The counters equal those counted again from the log">
      complete
    </Badge>
  ) : (
    <Badge tone="bad" title="The counters differ from those counted again from the log">
      incomplete
    </Badge>
  );
}
