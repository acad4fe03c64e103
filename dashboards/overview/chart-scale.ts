// The first load of a log is so much larger than every later month that the others would not be seen. Then the scale
// ends above the others, and the chart says so beside itself.

/** How much larger than the next the largest must be, to be cut. */
const OUTLIER = 4;
const HEADROOM = 1.2;

export interface ChartScale {
  /** Where the scale ends; undefined: it fits all. */
  most: number | undefined;
  /** The position of the bar that goes beyond it. */
  beyond: number | undefined;
}

/** From the height of each bar. */
export function chooseScale(heights: readonly number[]): ChartScale {
  const [largest = 0, next = 0] = [...heights].sort((a, b) => b - a);
  if (next === 0 || largest < OUTLIER * next) return { most: undefined, beyond: undefined };
  return { most: roundUp(next * HEADROOM), beyond: heights.indexOf(largest) };
}

/** To a number that looks well at the end of a scale: two leading digits, the second one even. */
function roundUp(height: number): number {
  const step = 10 ** Math.floor(Math.log10(height)) / 5;
  return Math.ceil(height / step) * step;
}
