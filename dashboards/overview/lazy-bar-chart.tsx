// Chart.js is most of the application's size and only this page needs it: the page stands before its charts are drawn.
import { lazy, type ReactNode, Suspense } from 'react';
import type { BarSeries } from './bar-chart.tsx';

const BarChart = lazy(async () => ({ default: (await import('./bar-chart.tsx')).BarChart }));

export function LazyBarChart(props: { label: string; labels: string[]; series: BarSeries[] }): ReactNode {
  return (
    <Suspense fallback={<div className="chart chart-waiting" />}>
      <BarChart {...props} />
    </Suspense>
  );
}
