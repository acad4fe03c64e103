// What one request is answered with: who asks, the log up to one watermark, and loaders that ask for many at once.
import { setTimeout as sleep } from 'node:timers/promises';
import DataLoader from 'dataloader';
import type { GraphQLResolveInfo } from 'graphql';
import type { Engine } from '../../engine/engine.ts';
import type { InclusionProof } from '../../ingest/checkpoints/checkpoints.ts';
import { LogError } from '../../ingest/errors.ts';
import type { ChangeEvent } from '../../ingest/event.ts';
import type { ChangeLog } from '../../ingest/log.ts';
import { expiredOf } from '../../ingest/retention/tombstones.ts';
import type { Access } from '../access/access.ts';
import { sightOf } from '../access/sight.ts';
import type { Alerts } from '../alerts/alerts.ts';
import type { Following } from '../live/told.ts';
import type { Once } from '../mutations/once.ts';
import { type Effects, findEffects } from '../queries/chain.ts';
import { type QueryContext, readSequences } from '../queries/context.ts';
import { Cost } from '../queries/cost.ts';
import type { PeopleRules } from '../queries/employment.ts';
import { findLosers } from '../queries/hops.ts';
import { nameObjects, unnamed } from '../queries/names.ts';
import type { ReportingLines } from '../queries/reporting-lines.ts';
import type { Reference } from '../queries/results.ts';
import { countSteps, findLastRuns, type RunRecord, type StepCounts } from '../queries/runs.ts';
import type { Reader } from '../reads/read-event.ts';
import type { ReadRecorder } from '../reads/recorder.ts';
import { tracingStatements } from '../traces.ts';
import { proveEach } from './prove-each.ts';

interface EffectsKey {
  event: ChangeEvent;
  first: number;
}

interface LastRunKey {
  agent: string;
  watermark: number;
}

export interface RequestContext {
  log: ChangeLog;
  engine: Engine;
  /** Who asks: recorded as the initiator of what they start and of what they read. */
  viewer: string;
  access: Access;
  /** From where; none: on this machine, without a service. */
  address: string | undefined;
  reads: ReadRecorder;
  /** Carries out a mutation with a key once. */
  once: Once;
  alerts: Alerts;
  /** The names of the answers to mutations that left an event of their own. */
  ownEvents: Set<string>;
  queries: QueryContext;
  /** What it took so far. */
  cost: Cost;
  /** Of an operation that follows something. */
  following?: Following | undefined;
  people: PeopleRules;
  names: DataLoader<string, Reference>;
  events: DataLoader<number, ChangeEvent | undefined>;
  /** What a change led to, the first so many of it. */
  effects: DataLoader<EffectsKey, Effects, string>;
  /** What lost on precedence against a change. */
  losers: DataLoader<ChangeEvent, ChangeEvent[]>;
  /** The counters of a run's steps, counted from the log as far as the run was asked for: by step. */
  stepCounts: DataLoader<RunRecord, ReadonlyMap<number, StepCounts>>;
  /** That events are in the log, by the newest checkpoint. */
  proofs: DataLoader<number, InclusionProof>;
  lastRuns: DataLoader<LastRunKey, RunRecord | undefined>;
}

/** What stays the same for all requests. */
export interface Answering {
  log: ChangeLog;
  engine: Engine;
  reads: ReadRecorder;
  once: Once;
  alerts: Alerts;
  /** Who reports to whom; undefined: the configuration does not say where that stands. */
  lines: ReportingLines | undefined;
}

/** Of one request: who asks, from where, and whether they still wait. */
export interface Asking extends Reader, Access {
  signal?: AbortSignal | undefined;
}

export function createRequestContext(answering: Answering, asking: Asking): RequestContext {
  const { log, engine, reads, once, alerts, lines } = answering;
  const { address, signal, ...access } = asking;
  const watermark = log.shipper.shipped;
  const cost = new Cost();
  const whole = cost.counting(tracingStatements(log.questioned), access.viewer);
  const sight = sightOf(access, { configuration: engine.configuration, lines, whole, watermark });
  const queries: QueryContext = {
    clickhouse: sight.team?.eventful ?? whole,
    log: log.journal.log,
    watermark,
    // Read when it is asked for: of a journal that is closed by then nothing is.
    get expired() {
      return expiredOf(log.journal);
    },
    ...(signal && { signal }),
    sight,
  };
  // Loaders ask up to the watermark of the moment: a mutation raises it.
  const context: RequestContext = {
    log,
    engine,
    viewer: access.viewer,
    access,
    address,
    reads,
    once,
    alerts,
    ownEvents: new Set(),
    queries,
    cost,
    people: peopleRulesOf(engine),
    names: new DataLoader(async (ids) => {
      const found = await nameObjects(context.queries, ids);
      return ids.map((id) => found.get(id) ?? unnamed(id));
    }),
    events: new DataLoader(async (sequences) => {
      const found = await readSequences(context.queries, sequences);
      return sequences.map((sequence) => found.get(sequence));
    }),
    effects: new DataLoader((keys) => findEffectsOf(context.queries, keys), {
      cacheKeyFn: ({ event, first }) => `${event.sequence}/${first}`,
    }),
    losers: new DataLoader((events) => findLosers(context.queries, events), { cache: false }),
    stepCounts: new DataLoader((runs) => countStepsOf(context.queries, runs), { cache: false }),
    proofs: new DataLoader((sequences) => proveEach(log.checkpoints, sequences, signal)),
    lastRuns: new DataLoader((keys) => findLastRunsOf(context.queries, keys), { cache: false }),
  };
  return context;
}

/**
 * Says that what a mutation does is accepted, in an event that says who asked for it: then it is no read beside that. Every
 * other mutation is one, also one that was refused.
 */
export function leftOwnEvent({ ownEvents }: RequestContext, { path }: GraphQLResolveInfo): void {
  ownEvents.add(String(path.key));
}

async function findEffectsOf(queries: QueryContext, keys: readonly EffectsKey[]): Promise<Effects[]> {
  const events = keys.map(({ event }) => event);
  const found = await findEffects(queries, events, Math.max(...keys.map(({ first }) => first)));
  return found.map(({ events: all, hasMore }, index) => {
    const first = keys[index]?.first ?? all.length;
    return { events: all.slice(0, first), hasMore: hasMore || all.length > first };
  });
}

/** One question for each watermark that is asked for. */
async function findLastRunsOf(queries: QueryContext, keys: readonly LastRunKey[]): Promise<(RunRecord | undefined)[]> {
  const watermarks = [...new Set(keys.map(({ watermark }) => watermark))];
  const found = await Promise.all(watermarks.map((watermark) => findLastRuns({ ...queries, watermark })));
  const byWatermark = new Map(watermarks.map((watermark, index) => [watermark, found[index]]));
  return keys.map(({ agent, watermark }) => byWatermark.get(watermark)?.get(agent));
}

/** One question for each watermark at which a run was asked for. */
async function countStepsOf(
  queries: QueryContext,
  runs: readonly RunRecord[],
): Promise<ReadonlyMap<number, StepCounts>[]> {
  const byRun = new Map<string, Map<number, StepCounts>>();
  for (const [watermark, some] of Map.groupBy(runs, (run) => run.watermark)) {
    const counted = await countSteps({ ...queries, watermark }, [...new Set(some.map(({ id }) => id))]);
    for (const [key, counts] of counted) {
      const [run = 0, step = 0] = key.split('/').map(Number);
      const steps = byRun.get(`${run}/${watermark}`) ?? new Map<number, StepCounts>();
      byRun.set(`${run}/${watermark}`, steps.set(step, counts));
    }
  }
  return runs.map(({ id, watermark }) => byRun.get(`${id}/${watermark}`) ?? new Map());
}

const PAUSE_MS = 250;
/** A ClickHouse that is away is waited for the shorter: it may stay away for a week. */
const HASTE_WHEN_AWAY = 8;

/** Waits until everything accepted is delivered; false when that does not happen in time. */
export async function waitForDelivery({ shipper, journal }: ChangeLog, milliseconds: number): Promise<boolean> {
  const delivered = shipper.delivered(journal.size).then(
    () => true,
    (error: unknown) => {
      if (error instanceof LogError) return false;
      throw error;
    },
  );
  for (let left = milliseconds; left > 0; ) {
    const over = new AbortController();
    const pause = sleep(PAUSE_MS, undefined, { signal: over.signal }).catch(() => undefined);
    const outcome = await Promise.race([delivered, pause]).finally(() => over.abort());
    if (outcome !== undefined) return outcome;
    left -= shipper.state === 'shipping' ? PAUSE_MS : PAUSE_MS * HASTE_WHEN_AWAY;
  }
  return false;
}

/** A question about what was known when the log had so many events: never more than is delivered. */
export function asKnownAt(queries: QueryContext, watermark: number | null | undefined): QueryContext {
  return watermark === null || watermark === undefined
    ? queries
    : { ...queries, watermark: Math.min(watermark, queries.watermark) };
}

/** What the configuration says of people: who makes them, and where their last day stands. */
export function peopleRulesOf(engine: Engine): PeopleRules {
  const types = [...engine.configuration.metaverse.values()].filter(({ about }) => about === 'person');
  const names = types.map(({ name }) => name);
  const agents = [...engine.configuration.agents.values()].filter((agent) =>
    [...agent.types.values()].some(({ projection }) => projection !== undefined && names.includes(projection)),
  );
  return {
    types: names,
    agents: agents.map(({ name }) => name),
    leavingDateAttributes: types.flatMap(({ leavingDateAttribute }) => leavingDateAttribute ?? []),
  };
}
