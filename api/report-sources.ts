// What reports ask, answered by the queries.

import { ReportParameterError } from '../reports/definitions.ts';
import type { ReportSources } from '../reports/produce.ts';
import type { RequestContext } from './graphql/context.ts';
import { ENABLED_SQL } from './queries/accounts.ts';
import { findCompleteness } from './queries/completeness.ts';
import type { QueryContext } from './queries/context.ts';
import { EMPLOYMENT_SQL } from './queries/employment.ts';
import { findHoldings, holdingsSql } from './queries/entitlements.ts';
import { findLeavers } from './queries/leavers.ts';
import { findObjects } from './queries/objects.ts';

export function createReportSources(context: RequestContext): ReportSources {
  const { queries, people, log, engine } = context;
  return {
    async accessAsOf({ at, agent, entitlement }) {
      const agents = [...engine.configuration.agents.keys()];
      if (agent !== undefined && !agents.includes(agent)) {
        throw new ReportParameterError(
          'agent',
          `There is no system ${JSON.stringify(agent)}; there is ${agents.join(', ')}.`,
        );
      }
      const id = entitlement === undefined ? undefined : await findEntitlement(queries, entitlement);
      return findHoldings(queries, at, { agent, entitlement: id });
    },
    leaversOfPeriod: ({ from, to }) => findLeavers(queries, from, to, people),
    async completeness(watermark) {
      return findCompleteness({ ...queries, watermark }, await log.checkpoints.current(), log.publication.outside);
    },
  };
}

/** The queries behind a report, as ClickHouse is asked them. */
export function queryTextOf(name: string, parameters: Readonly<Record<string, string>>): string {
  if (name === 'leavers') return `${EMPLOYMENT_SQL};\n${ENABLED_SQL}`;
  const { agent, entitlement } = parameters;
  return holdingsSql({ agent: agent || undefined, entitlement: entitlement || undefined });
}

/** A group by the name it has, or by its id. */
async function findEntitlement(queries: QueryContext, given: string): Promise<string> {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(given)) return given.toLowerCase();
  const found = await findObjects(queries, { named: given }, 2);
  const [only] = found;
  if (only && found.length === 1) return only.id;
  const what = found.length === 0 ? 'No object is or was' : 'Several objects are or were';
  throw new ReportParameterError(
    'entitlement',
    `${what} called ${JSON.stringify(given)}; give the exact name of one group, or its id.`,
  );
}
