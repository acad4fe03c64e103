// The first page: how the log and the people are, and what needs a person.
import type { ReactNode } from 'react';
import { Answer, Empty } from '../answers/answer.tsx';
import { useAnswer } from '../answers/use-answer.ts';
import { formatExactly, formatInstant } from '../dates.ts';
import { Page, Section } from '../page/page.tsx';
import { Gone } from '../parts/gone.tsx';
import { RunTable } from '../runs/run-table.tsx';
import { ChangesByMonth } from './changes-by-month.tsx';
import { KeyFigures } from './key-figures.tsx';
import { LeaverDelayTable, OpenLeaverTable } from './leavers.tsx';
import { LogSection } from './log-section.tsx';
import { type Overview, overviewQuery } from './overview-query.ts';
import { ProblemTable } from './problems.tsx';
import { TurnoverByMonth } from './turnover-by-month.tsx';

export function OverviewPage(): ReactNode {
  const query = useAnswer(overviewQuery, {});
  const until = query.data?.overview.until ?? null;
  return (
    <Page
      title="Overview"
      lead={
        until !== null && (
          <span title={formatExactly(until)}>
            The connected systems are known up to <strong>{formatInstant(until)} UTC</strong>
          </span>
        )
      }
    >
      <Answer query={query} what="the overview" lines={14}>
        {({ overview }) => <OverviewParts overview={overview} />}
      </Answer>
    </Page>
  );
}

function OverviewParts({ overview }: { overview: Overview }): ReactNode {
  if (overview.changesByMonth.length === 0 && overview.objectCounts.length === 0)
    return (
      <>
        <Empty title="The log has no changes yet.">
          They appear here with the first run of an agent. The log itself is ready:
        </Empty>
        <LogSection log={overview.log} />
      </>
    );
  return (
    <div className="overview">
      <Gone gone={overview.gone} />
      <KeyFigures overview={overview} />
      <div className="overview-main">
        <Section title="Changes by month and stage">
          <ChangesByMonth counts={overview.changesByMonth} />
        </Section>
        <Section title="Problems" id="problems" note="Refused, lost or never confirmed, the most frequent first">
          <ProblemTable problems={overview.problems} />
        </Section>
        <Section
          title="From leaving to disabled"
          id="leavers"
          note="Over all closed cases, by system; open ones are counted, not left out"
        >
          <LeaverDelayTable delays={overview.leaverDelays} />
        </Section>
      </div>
      <div className="overview-side">
        <Section title="Joiners and leavers by month">
          <TurnoverByMonth turnover={overview.turnover} />
        </Section>
        <Section title="Accounts still open" note="Enabled, although their person has left; the longest open first">
          <OpenLeaverTable leavers={overview.openLeavers} total={overview.openLeaverAccounts} />
        </Section>
        <LogSection log={overview.log} />
      </div>
      <Section title="Recent runs" className="overview-wide">
        <RunTable runs={overview.recentRuns} label="Recent runs" />
      </Section>
    </div>
  );
}
