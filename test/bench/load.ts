// `npm run bench:load`: asks a service that has a large log the questions of load-mix.json, with parameters drawn at random, as
// many a second as are asked for, whether the answers before have come or not; then more and more, until it keeps up no longer.
// A time is from when the question was due until the last byte of its answer. Every answer with an error ends the benchmark.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { SeededRandom } from '../../engine/demonstration/seeded-random.ts';
import { fillLog, type LoadedService, sampleLog, startOn, YEAR } from '../loaded-log.ts';

const USAGE = `npm run bench:load -- [--data FOLDER] [--events N] [--rate N] [--seconds N] [--until N]
  --data     where the log is, or is made and stays (a fresh folder, taken away)
  --events   events that are made, where there is no log yet (1000000)
  --rate     questions a second (50)
  --seconds  for how long (60)
  --until    then half as many more each 15 seconds, up to this (400)
`;
const DAY = 86_400_000;
const STEP_SECONDS = 15;
const WARM_UP_SECONDS = 5;
/** Milliseconds at the 95th percentile. */
const TARGET = 150;
const AGENTS = ['hr', 'directory', 'crm'];

const mixSchema = z.array(
  z.strictObject({
    question: z.int().min(1).max(11),
    name: z.string(),
    share: z.number().positive(),
    query: z.string(),
  }),
);
const MIX = mixSchema.parse(JSON.parse(readFileSync(new URL('./load-mix.json', import.meta.url), 'utf8')));
type Question = (typeof MIX)[number];

const answerSchema = z.object({ data: z.unknown(), errors: z.array(z.object({ message: z.string() })).optional() });

const count = z.coerce.number().pipe(z.int().positive());

interface Taken {
  name: string;
  milliseconds: number;
}

class Load {
  readonly #service: LoadedService;
  readonly #sample: Record<string, readonly unknown[]>;
  readonly #random = new SeededRandom(7);
  readonly #agent = new Agent({ keepAlive: true });
  readonly #shares: Question[];

  constructor(service: LoadedService, sample: Record<string, readonly unknown[]>) {
    this.#service = service;
    this.#sample = sample;
    this.#shares = MIX.flatMap((question) => Array.from({ length: question.share }, () => question));
  }

  /** Each question so many times a second, at even distances; the times of all. */
  async run(rate: number, seconds: number): Promise<Taken[]> {
    const begin = performance.now();
    const asked: Promise<Taken>[] = [];
    for (let n = 0; n < rate * seconds; n++) {
      const due = begin + (n * 1000) / rate;
      if (due > performance.now()) await sleep(due - performance.now());
      const question = this.#random.pick(this.#shares);
      asked.push(this.ask(question).then(() => ({ name: question.name, milliseconds: performance.now() - due })));
    }
    return Promise.all(asked);
  }

  /** Throws Error when the answer is an error. */
  async ask({ name, query }: Question): Promise<void> {
    const body = JSON.stringify({ query, variables: this.#variables() });
    const { status, text } = await this.#send(body);
    const { errors } = answerSchema.parse(JSON.parse(text));
    if (status !== 200 || errors) throw new Error(`${name} (${status}): ${errors?.[0]?.message ?? text}`);
  }

  #send(body: string): Promise<{ status: number; text: string }> {
    const headers = { authorization: `Bearer ${this.#service.token}`, 'content-type': 'application/json' };
    return new Promise((resolve, reject) => {
      const sent = request(new URL('graphql', this.#service.url), { method: 'POST', agent: this.#agent, headers });
      sent.on('error', reject);
      sent.on('response', async (response) => {
        const chunks: Buffer[] = [];
        for await (const chunk of response) chunks.push(Buffer.from(chunk));
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() });
      });
      sent.end(body);
    });
  }

  /** One of each; a question takes those that it declares. */
  #variables(): Record<string, unknown> {
    const at = YEAR + this.#random.between(30, 330) * DAY;
    const instant = (milliseconds: number) => new Date(milliseconds).toISOString();
    const drawn = Object.entries(this.#sample).map(([name, values]) => [name, this.#random.pick(values)]);
    return {
      ...Object.fromEntries(drawn),
      agent: this.#random.pick(AGENTS),
      viewer: 'local administrator',
      at: instant(at),
      from: instant(at - 7 * DAY),
      week: instant(at),
      to: instant(at + 20 * DAY),
    };
  }

  close(): void {
    this.#agent.destroy();
  }
}

const percentile = (sorted: readonly number[], share: number) =>
  sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;

function tell(what: string, taken: readonly Taken[]): number {
  const times = taken.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
  const p95 = percentile(times, 0.95);
  const line = {
    what,
    asked: times.length,
    p50: percentile(times, 0.5),
    p95,
    p99: percentile(times, 0.99),
    most: times.at(-1),
  };
  process.stdout.write(
    `${JSON.stringify(line, (_, value) => (typeof value === 'number' ? Math.round(value) : value))}\n`,
  );
  return p95;
}

async function measure(data: string, { rate, seconds, until }: { rate: number; seconds: number; until: number }) {
  const sample = await sampleLog(data);
  const service = await startOn(data);
  const load = new Load(service, sample);
  try {
    await load.run(Math.min(rate, 20), WARM_UP_SECONDS);
    const taken = await load.run(rate, seconds);
    for (const { name } of MIX)
      tell(
        name,
        taken.filter((each) => each.name === name),
      );
    tell(`all, ${rate} a second for ${seconds} s (target: p95 ${TARGET} ms)`, taken);
    for (let more = rate * 1.5; more <= until; more *= 1.5) {
      const p95 = tell(`all, ${Math.round(more)} a second for ${STEP_SECONDS} s`, await load.run(more, STEP_SECONDS));
      if (p95 > 1000) break;
    }
  } finally {
    load.close();
    await service.stop();
  }
}

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      data: { type: 'string' },
      events: { type: 'string', default: '1000000' },
      rate: { type: 'string', default: '50' },
      seconds: { type: 'string', default: '60' },
      until: { type: 'string', default: '400' },
    },
  });
  const [events, rate, seconds, until] = [values.events, values.rate, values.seconds, values.until].map((text) =>
    count.parse(text),
  );
  if (events === undefined || rate === undefined || seconds === undefined || until === undefined)
    throw new Error(USAGE);
  const fresh = values.data === undefined ? mkdtempSync(join(tmpdir(), 'metatrail-bench-')) : undefined;
  const data = values.data ?? join(fresh ?? '', 'data');
  try {
    if (!existsSync(join(data, 'metatrail.sqlite'))) {
      mkdirSync(data, { recursive: true });
      await fillLog(data, events, (accepted) => {
        if (accepted % 100_000 === 0) process.stderr.write(`${accepted} events\n`);
      });
    }
    process.stderr.write(`load ${loadavg()[0]?.toFixed(1)} on ${cpus().length} cores\n`);
    await measure(data, { rate, seconds, until });
  } finally {
    if (fresh !== undefined) rmSync(fresh, { recursive: true, force: true });
  }
}

try {
  await run();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  process.exitCode = 1;
}
