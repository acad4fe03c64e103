// What one request is answered with: who asks, the log up to one watermark, and loaders that ask for many at once.
import DataLoader from 'dataloader';
import type { Engine } from '../../engine/engine.ts';
import type { ChangeEvent } from '../../ingest/event.ts';
import type { ChangeLog } from '../../ingest/log.ts';
import { type QueryContext, readSequences } from '../queries/context.ts';
import type { PeopleRules } from '../queries/employment.ts';
import { nameObjects, unnamed } from '../queries/names.ts';
import type { Reference } from '../queries/results.ts';

export interface RequestContext {
  log: ChangeLog;
  engine: Engine;
  /** Who asks: recorded as the initiator of what they start. */
  viewer: string;
  queries: QueryContext;
  people: PeopleRules;
  names: DataLoader<string, Reference>;
  events: DataLoader<number, ChangeEvent | undefined>;
}

export function createRequestContext(
  log: ChangeLog,
  engine: Engine,
  viewer: string,
  signal?: AbortSignal,
): RequestContext {
  const queries: QueryContext = {
    clickhouse: log.clickhouse,
    log: log.journal.log,
    watermark: log.shipper.shipped,
    ...(signal && { signal }),
  };
  return {
    log,
    engine,
    viewer,
    queries,
    people: peopleRulesOf(engine),
    names: new DataLoader(async (ids) => {
      const found = await nameObjects(queries, ids);
      return ids.map((id) => found.get(id) ?? unnamed(id));
    }),
    events: new DataLoader(async (sequences) => {
      const found = await readSequences(queries, sequences);
      return sequences.map((sequence) => found.get(sequence));
    }),
  };
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
