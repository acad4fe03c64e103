// Each step's own account against the log: the counters that its end records equal the events counted, and so does its
// balance. A step that nobody lived to finish is a gap with a name, not a fault.
import type { Findings } from './findings.ts';
import type { Row } from './row.ts';
import type { StepCount } from './source.ts';
import { findBalanceFaults } from './step-balance.ts';

/** Counters that leave no event: nothing was decided that the log does not hold already. */
const WITHOUT_EVENT = new Set([
  'stage-no-change',
  'connector-no-flow',
  'disconnector-remains',
  'disconnector-deleted',
  'flow-failure-again',
]);
/** How a step ends that was closed by the next start. */
const INTERRUPTED = new Set(['stopped-service-shutdown', 'stopped-server']);

interface Step {
  /** Sequence of its first event. */
  first: number;
  started: boolean;
  counts: Map<string, number>;
}

export class StepLedger {
  readonly #findings: Findings;
  /** The steps of each run that is not over, by number. */
  readonly #runs = new Map<number, Map<number, Step>>();
  /** Where the rows begin: steps begun before cannot be counted. */
  readonly #first: number;
  steps = 0;
  interrupted = 0;
  /** Runs of which a step ended here that began before the first row. */
  readonly #cut = new Set<number>();

  constructor(findings: Findings, first: number) {
    this.#findings = findings;
    this.#first = first;
  }

  /** Takes the next events of the log. */
  add(counts: readonly StepCount[], rows: readonly Row[]): void {
    for (const { run, step, name, count, sequence } of counts) {
      if (run < this.#first) continue;
      const known = this.#step(run, step, sequence);
      known.counts.set(name, (known.counts.get(name) ?? 0) + count);
    }
    for (const row of rows) if (row.stage === 'run') this.#addRunEvent(row);
  }

  /** Says what is left over when the log is at its end. */
  finish(): void {
    for (const [run, steps] of this.#runs) {
      for (const [number, step] of steps) {
        if (step.started) continue;
        const events = sumOf(step.counts);
        this.#fault(
          step.first,
          `The log holds ${events} events of step ${number} of run ${run}, which has no record or was over by then.`,
        );
      }
      if ([...steps.values()].some(({ started }) => started))
        this.#findings.add({
          weight: 'gap',
          kind: 'run-open',
          first: run,
          count: 1,
          what: `Run ${run} is not over: its steps cannot be counted yet.`,
        });
    }
  }

  #addRunEvent(row: Row): void {
    const run = row.runKnown === 1 ? row.run : row.sequence;
    if (run < this.#first) {
      if (row.step > 0 && row.operation !== 'start') this.#noteCut(run, row);
      return;
    }
    if (row.step > 0 && row.operation === 'start') this.#step(run, row.step, row.sequence).started = true;
    else if (row.step > 0) this.#endStep(run, row);
    else if (row.operation !== 'start') this.#endRun(run, row);
  }

  #noteCut(run: number, row: Row): void {
    if (this.#cut.has(run)) return;
    this.#cut.add(run);
    const what = `Run ${run} began before event ${this.#first}, the first one here: its steps, of which one ended at event ${row.sequence}, cannot be counted.`;
    this.#findings.add({ weight: 'gap', kind: 'step-cut', first: row.sequence, count: 1, what });
  }

  #endRun(run: number, row: Row): void {
    for (const [number, step] of this.#runs.get(run) ?? []) {
      this.#fault(
        row.sequence,
        step.started
          ? `Run ${run} is over at event ${row.sequence}, but the log holds no end of its step ${number}.`
          : `The log holds ${sumOf(step.counts)} events of step ${number} of run ${run}, which has no record or was over by then.`,
      );
    }
    this.#runs.delete(run);
  }

  #endStep(run: number, row: Row): void {
    const step = this.#runs.get(run)?.get(row.step);
    this.#runs.get(run)?.delete(row.step);
    this.steps += 1;
    const where = `step ${row.step} of run ${run}, which ended at event ${row.sequence}`;
    const recorded = readNumbers(row, 'counter');
    const counted = step?.counts ?? new Map<string, number>();
    if (INTERRUPTED.has(row.outcome) && recorded.size === 0) {
      this.interrupted += 1;
      if (counted.size === 0) return;
      const what = `The ${where}, was interrupted before its counters were recorded: its ${sumOf(counted)} events cannot be counted against them.`;
      this.#findings.add({ weight: 'gap', kind: 'step-interrupted', first: row.sequence, count: 1, what });
      return;
    }
    if (!step?.started) this.#fault(row.sequence, `The log holds no beginning of ${where}.`);
    for (const name of new Set([...recorded.keys(), ...counted.keys()])) {
      if (WITHOUT_EVENT.has(name.slice(name.lastIndexOf('/') + 1))) continue;
      const [ours, log] = [recorded.get(name) ?? 0, counted.get(name) ?? 0];
      if (ours !== log)
        this.#fault(row.sequence, `In ${where}, ${ours} ${name} were counted, and the log holds ${log}.`);
    }
    for (const fault of findBalanceFaults({ balance: readNumbers(row, 'balance'), recorded, counted }))
      this.#fault(row.sequence, `In ${where}, ${fault}`);
  }

  #fault(first: number, what: string): void {
    this.#findings.add({ weight: 'fault', kind: 'step', first, count: 1, what });
  }

  #step(run: number, number: number, first: number): Step {
    const steps = this.#runs.get(run) ?? new Map<number, Step>();
    this.#runs.set(run, steps);
    const step = steps.get(number) ?? { first, started: false, counts: new Map() };
    steps.set(number, step);
    return step;
  }
}

function sumOf(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

/** The values `<kind>/<name>` of a step's end, by name. */
function readNumbers(row: Row, kind: string): Map<string, number> {
  const prefix = `${kind}/`;
  return new Map(
    row.values
      .filter(({ attribute }) => attribute.startsWith(prefix))
      .map(({ attribute, new: text }) => [attribute.slice(prefix.length), Number(text)]),
  );
}
