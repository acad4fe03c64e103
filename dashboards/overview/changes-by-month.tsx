// How many changes each stage made in each month.
import { type ReactNode, useMemo } from 'react';
import { Empty } from '../answers/answer.tsx';
import { formatMonth, listMonths } from '../dates.ts';
import { formatCount } from '../numbers.ts';
import { colourOfStage, describeStage, sortStages } from '../words/stage-words.ts';
import { ChartTable } from './chart-table.tsx';
import { LazyBarChart } from './lazy-bar-chart.tsx';
import type { Overview } from './overview-query.ts';

type Counts = Overview['changesByMonth'];

export function ChangesByMonth({ counts }: { counts: Counts }): ReactNode {
  const { months, labels, series, heights } = useMemo(() => arrange(counts), [counts]);
  if (counts.length === 0) return <Empty title="No changes yet." />;
  const total = counts.reduce((sum, { count }) => sum + count, 0);
  return (
    <>
      <LazyBarChart
        label={`Stacked bars: ${formatCount(total)} changes in ${months.length} months, by stage`}
        labels={labels}
        series={series}
        heights={heights}
      />
      <ChartTable
        label="Changes by month and stage"
        columns={['Month', ...series.map(({ label }) => label)]}
        rows={labels.map((name, position) => ({ name, numbers: series.map(({ numbers }) => numbers[position] ?? 0) }))}
      />
    </>
  );
}

function arrange(counts: Counts) {
  const months = listMonths(counts.map(({ period }) => period));
  const found = new Map(counts.map(({ period, stage, count }) => [`${period} ${stage}`, count]));
  const series = sortStages(counts.map(({ stage }) => stage)).map((stage) => ({
    label: describeStage(stage),
    colour: colourOfStage(stage),
    numbers: months.map((month) => found.get(`${month} ${stage}`) ?? 0),
  }));
  const heights = months.map((_, position) => series.reduce((sum, { numbers }) => sum + (numbers[position] ?? 0), 0));
  return { months, labels: months.map(formatMonth), series, heights };
}
