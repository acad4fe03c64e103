// People who came, upwards, and people who went, downwards.
import { type ReactNode, useMemo } from 'react';
import { Empty } from '../answers/answer.tsx';
import { formatMonth, listMonths } from '../dates.ts';
import { formatCount } from '../numbers.ts';
import { ChartTable } from './chart-table.tsx';
import { LazyBarChart } from './lazy-bar-chart.tsx';
import type { Overview } from './overview-query.ts';

type Turnover = Overview['turnover'];

export function TurnoverByMonth({ turnover }: { turnover: Turnover }): ReactNode {
  const { labels, rows, series, joined, joiners, leavers } = useMemo(() => arrange(turnover), [turnover]);
  if (rows.length === 0) return <Empty title="Nobody came or went yet." />;
  return (
    <>
      <LazyBarChart
        label={`Bars: ${formatCount(joiners)} joiners and ${formatCount(leavers)} leavers in ${rows.length} months`}
        labels={labels}
        series={series}
        heights={joined}
      />
      <ChartTable label="Joiners and leavers by month" columns={['Month', 'Joiners', 'Leavers']} rows={rows} />
    </>
  );
}

function arrange(turnover: Turnover) {
  const found = new Map(turnover.map((month) => [month.period, month]));
  const rows = listMonths([...found.keys()]).map((month) => ({
    name: formatMonth(month),
    numbers: [found.get(month)?.joiners ?? 0, found.get(month)?.leavers ?? 0],
  }));
  const joined = rows.map(({ numbers }) => numbers[0] ?? 0);
  const left = rows.map(({ numbers }) => numbers[1] ?? 0);
  return {
    rows,
    joined,
    labels: rows.map(({ name }) => name),
    joiners: joined.reduce((sum, count) => sum + count, 0),
    leavers: left.reduce((sum, count) => sum + count, 0),
    series: [
      { label: 'Joiners', colour: '--joiners', numbers: joined },
      { label: 'Leavers', colour: '--leavers', numbers: left.map((count) => -count) },
    ],
  };
}
