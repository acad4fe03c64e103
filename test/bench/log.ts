// `npm run bench:log`: measures the change log, prints a line of JSON for each measurement and a table at the end. A target
// that is missed is a figure like any other; an error is one of the benchmark.
import { appendFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { describeFewRuns, type Measurement, type Report, tableOf } from './measurement.ts';
import { SECTIONS, type Section } from './sections.ts';

const USAGE = `npm run bench:log -- [--only NAME,…] [--events N] [--runs N] [--growth N,N,…] [--json FILE]
  --only    sections: ${Object.keys(SECTIONS).join(', ')}
  --events  events in the large sections (1000000)
  --runs    how often a rate is measured (5); fewer are marked as no result
  --growth  sizes of the section growth (a tenth of --events, and --events)
  --json    also writes the lines of JSON here
`;

const count = z.coerce.number().pipe(z.int().positive());

function readArguments() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      events: { type: 'string', default: '1000000' },
      runs: { type: 'string', default: '5' },
      growth: { type: 'string' },
      json: { type: 'string' },
    },
  });
  const names = values.only?.split(',') ?? Object.keys(SECTIONS);
  const sections = names.map((name): [string, Section] => {
    const section = SECTIONS[name];
    if (!section) throw new Error(`There is no section ${name}.`);
    return [name, section];
  });
  const events = count.parse(values.events);
  const growth = values.growth?.split(',').map((size) => count.parse(size)) ?? [Math.ceil(events / 10), events];
  return { sections, sizes: { events, runs: count.parse(values.runs), growth }, json: values.json };
}

async function run({ sections, sizes, json }: ReturnType<typeof readArguments>): Promise<void> {
  const all: Measurement[] = [];
  if (json !== undefined) writeFileSync(json, '');
  for (const [name, section] of sections) {
    process.stderr.write(`${name} (load ${loadavg()[0]?.toFixed(1)} on ${cpus().length} cores)\n`);
    const report: Report = (measurement) => {
      all.push(measurement);
      const line = `${JSON.stringify(measurement)}\n`;
      process.stdout.write(line);
      if (json !== undefined) appendFileSync(json, line);
    };
    // What the others measure is worth having all the same.
    await section(report, sizes).catch((error: unknown) => {
      process.exitCode = 1;
      process.stderr.write(`${name} failed: ${error instanceof Error ? error.message : String(error)}\n`);
    });
  }
  const few = describeFewRuns(sizes.runs);
  process.stdout.write(`\n${tableOf(all)}\n${few === undefined ? '' : `\n${few}\n`}`);
}

let chosen: ReturnType<typeof readArguments> | undefined;
try {
  chosen = readArguments();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  process.exitCode = 2;
}
if (chosen) await run(chosen);
