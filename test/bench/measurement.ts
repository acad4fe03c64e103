// A measurement: what was measured, each run's figure, the median and whether it meets its target. Printed as a line of
// JSON as soon as it is there, and as a row of the table at the end.

export interface Target {
  value: number;
  /** Whether the median must not be below it, or not above. */
  must: 'at-least' | 'at-most';
}

export interface Measurement {
  section: string;
  name: string;
  unit: string;
  /** In the order in which they were taken. */
  runs: number[];
  median: number;
  /** Only of enough runs to say it. */
  p95?: number;
  target?: Target;
  /** Undefined: there is no target. */
  met?: boolean;
  /** What has to be known to read the figure: sizes, durability, what was left out. */
  note?: string;
}

export type Report = (measurement: Measurement) => void;

/** Fewer runs than this have no median worth the name. */
const ENOUGH_FOR_MEDIAN = 5;
/** Fewer figures than this have no 95th percentile worth the name. */
const ENOUGH_FOR_P95 = 20;
const SHOWN_DIGITS = 4;

/** Throws Error when there are no figures, or one that is not a positive number: nothing was done then. */
export function measured(
  about: Pick<Measurement, 'section' | 'name' | 'unit'> & { target?: Target; note?: string },
  runs: readonly number[],
): Measurement {
  const impossible = runs.find((figure) => !(Number.isFinite(figure) && figure > 0));
  if (runs.length === 0 || impossible !== undefined)
    throw new Error(`${about.section}, ${about.name}: ${impossible ?? 'no figure'} cannot come of any work.`);
  const median = quantile(runs, 0.5);
  const { target } = about;
  return {
    ...about,
    runs: runs.map(shorten),
    median: shorten(median),
    ...(runs.length >= ENOUGH_FOR_P95 && { p95: shorten(quantile(runs, 0.95)) }),
    ...(target && { met: target.must === 'at-least' ? median >= target.value : median <= target.value }),
  };
}

/** What has to be said of rates that were measured so often; undefined: nothing. */
export function describeFewRuns(runs: number): string | undefined {
  if (runs >= ENOUGH_FOR_MEDIAN) return undefined;
  return `--runs ${runs}: NOT A RESULT. A rate is the median of at least ${ENOUGH_FOR_MEDIAN} runs; these figures only show that the sections work.`;
}

/** By linear interpolation between the two nearest figures. */
export function quantile(figures: readonly number[], share: number): number {
  const sorted = [...figures].sort((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  return below + ((sorted[Math.ceil(place)] ?? below) - below) * (place - Math.floor(place));
}

export function ratios(over: readonly number[], under: readonly number[]): number[] {
  return over.map((figure, index) => figure / (under[index] ?? Number.NaN));
}

const shorten = (figure: number): number => Number(figure.toPrecision(6));

/** How a figure reads in the table. */
function show(figure: number | undefined): string {
  if (figure === undefined) return '';
  if (Math.abs(figure) >= 1000) return Math.round(figure).toLocaleString('en');
  return String(Number(figure.toPrecision(SHOWN_DIGITS)));
}

export function tableOf(measurements: readonly Measurement[]): string {
  const rows = measurements.map(({ section, name, unit, runs, median, p95, target, met }) => [
    section,
    name,
    show(median),
    unit,
    `${show(Math.min(...runs))} – ${show(Math.max(...runs))} (${runs.length})`,
    show(p95),
    target ? `${target.must === 'at-least' ? '≥' : '≤'} ${show(target.value)}` : '',
    met === undefined ? '' : met ? 'yes' : 'no',
  ]);
  const all = [['section', 'what', 'median', 'unit', 'range (runs)', 'p95', 'target', 'met'], ...rows];
  const widths = (all[0] ?? []).map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Runs `work` and returns how many seconds it took. */
export async function secondsOf(work: () => unknown): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
}
