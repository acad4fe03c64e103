// Stacked bars by Chart.js in the colours of the style sheet, light or dark. For those who cannot see them, the same
// numbers stand in the table beside each chart.
import {
  BarController,
  BarElement,
  CategoryScale,
  Chart,
  type ChartConfiguration,
  Legend,
  LinearScale,
  Tooltip,
} from 'chart.js';
import { type ReactNode, useEffect, useRef, useSyncExternalStore } from 'react';
import { formatCount } from '../numbers.ts';

Chart.register(BarController, BarElement, CategoryScale, Legend, LinearScale, Tooltip);

export interface BarSeries {
  label: string;
  /** A CSS custom property. */
  colour: string;
  /** One number for each label; a negative one points downwards and is read without its sign. */
  numbers: number[];
}

interface BarChartProps {
  label: string;
  labels: string[];
  series: BarSeries[];
  /** Where the upward scale ends, if not at the highest bar. */
  most: number | undefined;
}

const DARK = window.matchMedia('(prefers-color-scheme: dark)');

export function BarChart({ label, labels, series, most }: BarChartProps): ReactNode {
  const canvas = useRef<HTMLCanvasElement>(null);
  const dark = useSyncExternalStore(subscribeToScheme, () => DARK.matches);
  // biome-ignore lint/correctness/useExhaustiveDependencies: dark changes what the custom properties say
  useEffect(() => {
    if (canvas.current === null) return;
    const chart = new Chart(canvas.current, configure(labels, series, most));
    return () => chart.destroy();
  }, [labels, series, most, dark]);
  return (
    <div className="chart">
      <canvas ref={canvas} role="img" aria-label={label} />
    </div>
  );
}

function subscribeToScheme(notify: () => void): () => void {
  DARK.addEventListener('change', notify);
  return () => DARK.removeEventListener('change', notify);
}

function configure(
  labels: string[],
  series: BarSeries[],
  most: number | undefined,
): ChartConfiguration<'bar', number[], string> {
  const style = getComputedStyle(document.documentElement);
  const read = (property: string): string => style.getPropertyValue(property).trim();
  const ticks = { color: read('--text-muted'), font: { family: read('--font'), size: 12 } };
  return {
    type: 'bar',
    data: {
      labels,
      datasets: series.map(({ label, colour, numbers }) => ({
        label,
        data: numbers,
        backgroundColor: read(colour),
        borderColor: read('--surface'),
        borderWidth: { top: 1 },
        maxBarThickness: 34,
        categoryPercentage: 0.85,
      })),
    },
    options: {
      animation: false,
      maintainAspectRatio: false,
      interaction: { mode: 'index', intersect: false },
      scales: {
        x: { stacked: true, grid: { display: false }, border: { color: read('--border') }, ticks },
        y: {
          stacked: true,
          ...(most !== undefined && { max: most }),
          border: { display: false },
          grid: { color: read('--border') },
          ticks: { ...ticks, precision: 0, callback: (value) => formatCount(Math.abs(Number(value))) },
        },
      },
      plugins: {
        legend: {
          position: 'bottom',
          labels: { ...ticks, color: read('--text'), boxWidth: 10, boxHeight: 10, padding: 12 },
        },
        tooltip: {
          filter: (item) => item.raw !== 0,
          callbacks: { label: (item) => ` ${item.dataset.label}: ${formatCount(Math.abs(Number(item.raw)))}` },
        },
      },
    },
  };
}
