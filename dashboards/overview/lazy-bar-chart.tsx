// Chart.js is most of the application's size and only this page needs it: the page stands before its charts are drawn.
import { lazy, type ReactNode, Suspense } from 'react';
import { formatCount } from '../numbers.ts';
import type { BarSeries } from './bar-chart.tsx';
import { chooseScale } from './chart-scale.ts';

const BarChart = lazy(async () => ({ default: (await import('./bar-chart.tsx')).BarChart }));

interface LazyBarChartProps {
  label: string;
  labels: string[];
  series: BarSeries[];
  /** The height of each bar above zero. */
  heights: readonly number[];
}

export function LazyBarChart({ heights, ...chart }: LazyBarChartProps): ReactNode {
  const { most, beyond } = chooseScale(heights);
  return (
    <>
      <Suspense fallback={<div className="chart chart-waiting" />}>
        <BarChart {...chart} most={most} />
      </Suspense>
      {beyond !== undefined && (
        <p className="beyond muted">
          {chart.labels[beyond]} goes beyond the scale: {formatCount(heights[beyond] ?? 0)}
        </p>
      )}
    </>
  );
}
