// Answers as api/queries gives them, made up here: a report is tested on what it is given, the queries on a real log.
import { buffer } from 'node:stream/consumers';
import type {
  AccessAsOf,
  Completeness,
  Holding,
  Leaver,
  LeaverAccount,
  LeaversOfPeriod,
} from '../../api/queries/results.ts';
import { parseInstant } from '../../ingest/clock.ts';
import type { ReportContext } from '../../reports/evidence.ts';
import { produceReport, type ReportSources } from '../../reports/produce.ts';

export function micros(text: string): number {
  const instant = parseInstant(text);
  if (instant === undefined) throw new Error(`${text} is no instant`);
  return instant;
}

export const LOG = 'metatrail.example/log';
export const WATERMARK = 5678;
export const ROOT = 'c0ffee00'.repeat(8);
export const HOUR = 3_600_000_000;

export const CONTEXT: ReportContext = {
  askedBy: 'auditor@example.com',
  producedAt: micros('2024-06-01T08:15:30.123456Z'),
  company: 'Müller & Söhne <Holding>',
  version: '0.1.0',
  queryText: 'access as of an instant\n  SELECT holder, entitlement\n  FROM entitlements\n  WHERE occurred_at <= {at}',
};

export const COMPLETE: Completeness = {
  beginsAt: micros('2023-06-30T23:59:59.999999Z'),
  size: 5700,
  watermark: WATERMARK,
  missing: 0,
  runs: 72,
  steps: 168,
  faults: [],
  expiredBelow: 0,
  expiredUntil: undefined,
  root: ROOT,
  keyIds: ['0badcafe'],
  outside: undefined,
};

export function personId(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
}

export function createHolding(number: number, rest: Partial<Holding> = {}): Holding {
  return {
    holder: { id: personId(number), name: `Person ${number}`, type: 'person' },
    entitlement: { id: personId(900_000), name: 'Sales', type: 'group' },
    agent: 'directory',
    entryName: 'cn=sales,ou=groups,dc=example,dc=com',
    attribute: 'member',
    value: `uid=p${number},ou=people,dc=example,dc=com`,
    since: micros('2023-01-31T23:59:59.999999Z'),
    grantedBy: 1000 + number,
    stage: 'export',
    outcome: 'export-update',
    rule: 'directory/group/member',
    initiator: 'hr',
    initiatorKnown: 'observed',
    outOfBand: false,
    ...rest,
  };
}

/** The account itself as an entitlement. */
export function createEnabledAccount(number: number, rest: Partial<Holding> = {}): Holding {
  return createHolding(number, {
    entitlement: undefined,
    entryName: `uid=p${number},ou=people,dc=example,dc=com`,
    attribute: 'enabled',
    value: 'true',
    rule: 'directory/account/shadowExpire',
    ...rest,
  });
}

export function createAccess(holdings: Holding[], at = micros('2024-01-31T23:59:59.999999Z')): AccessAsOf {
  return { log: LOG, watermark: WATERMARK, at, holdings };
}

export function createAccount(agent: string, hours: number, rest: Partial<LeaverAccount> = {}): LeaverAccount {
  const disabledAt = micros('2024-01-15T12:00:00Z') + Math.round(hours * HOUR);
  return { agent, account: 'uid=x,ou=people,dc=example,dc=com', disabledAt, disabledBy: 4242, hours, ...rest };
}

export function createOpenAccount(agent: string, hours: number): LeaverAccount {
  return createAccount(agent, hours, { disabledAt: undefined, disabledBy: undefined });
}

export function createLeaver(number: number, accounts: LeaverAccount[], rest: Partial<Leaver> = {}): Leaver {
  return {
    person: { id: personId(number), name: `Person ${number}`, type: 'person' },
    leftAt: micros('2024-01-15T12:00:00Z'),
    leftAtKnown: 'leaving-date',
    goneBy: 3000 + number,
    accounts,
    ...rest,
  };
}

export function createLeavers(leavers: Leaver[]): LeaversOfPeriod {
  return {
    log: LOG,
    watermark: WATERMARK,
    from: micros('2024-01-01'),
    to: micros('2024-03-31T23:59:59.999999Z'),
    asOf: micros('2024-04-30T23:59:59.999999Z'),
    leavers,
  };
}

export interface World {
  access?: AccessAsOf;
  leavers?: LeaversOfPeriod;
  completeness?: Completeness;
}

/** Answers with what it was given, and remembers what it was asked. */
export function createSources(world: World): { sources: ReportSources; asked: unknown[] } {
  const asked: unknown[] = [];
  const sources: ReportSources = {
    accessAsOf: async (question) => {
      asked.push(question);
      return world.access ?? createAccess([], question.at);
    },
    leaversOfPeriod: async (question) => {
      asked.push(question);
      return { ...(world.leavers ?? createLeavers([])), ...question };
    },
    completeness: async (watermark) => {
      asked.push(watermark);
      return world.completeness ?? COMPLETE;
    },
  };
  return { sources, asked };
}

export const ACCESS_PARAMETERS = { at: '2024-01-31' };
export const LEAVERS_PARAMETERS = { from: '2024-01-01', to: '2024-03-31' };

/** The whole PDF of a report on this world. */
export async function printReport(
  name: 'access' | 'leavers',
  world: World,
  context: Partial<ReportContext> = {},
  parameters: Record<string, string> = name === 'access' ? ACCESS_PARAMETERS : LEAVERS_PARAMETERS,
): Promise<Buffer> {
  const produced = await produceReport(name, parameters, createSources(world).sources, { ...CONTEXT, ...context });
  return buffer(produced.pdf);
}
