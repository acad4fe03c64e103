// The bytes of an event and the questions at several sizes, and how each grows from the smallest to the largest: the slope
// is the power of the number of events that it grows with. 0: it does not; 1: twice the events cost twice as much.
import type { Measurement, Report } from './measurement.ts';
import { measureMix } from './questions.ts';
import type { Sizes } from './sections.ts';

export async function measureGrowth(report: Report, sizes: Sizes): Promise<void> {
  const bySize: { events: number; found: Map<string, Measurement> }[] = [];
  for (const events of [...sizes.growth].sort((a, b) => a - b)) {
    const found = new Map<string, Measurement>();
    await measureMix((measurement) => {
      found.set(measurement.name, measurement);
      report({ ...measurement, section: 'growth', name: `${measurement.name}, ${events} events` });
    }, events);
    bySize.push({ events, found });
  }
  const [smallest, largest] = [bySize[0], bySize.at(-1)];
  if (!smallest || !largest || smallest === largest) return;
  for (const [name, { median }] of smallest.found) {
    const last = largest.found.get(name)?.median ?? Number.NaN;
    const slope = Number((Math.log(last / median) / Math.log(largest.events / smallest.events)).toFixed(3));
    report({
      section: 'growth',
      name: `${name}, slope`,
      unit: 'power',
      runs: [slope],
      median: slope,
      note: `from ${smallest.events} to ${largest.events} events`,
    });
  }
}
