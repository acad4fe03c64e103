// Numbers, times and facts in plain words, the same in every report.
import type { Holding, Reference } from '../api/queries/results.ts';
import { formatMicros, type Micros } from '../ingest/clock.ts';

const integers = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat('en-US', { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const collator = new Intl.Collator('en', { numeric: true });

export function formatCount(count: number): string {
  return integers.format(count);
}

/** "1 leaver", "12 leavers". */
export function countOf(count: number, singular: string, plural = `${singular}s`): string {
  return `${formatCount(count)} ${count === 1 ? singular : plural}`;
}

/** To the microsecond: "2010-01-31 23:59:59.999999 UTC". */
export function formatInstant(micros: Micros): string {
  return `${formatMicros(micros)} UTC`;
}

/** Cut to the second, for columns whose title says UTC: "2010-01-31 23:59:59". */
export function formatSecond(micros: Micros): string {
  return formatMicros(micros).slice(0, 19);
}

/** Hours, and days too when there are more than three: "5.2 h", "295 h (12.3 days)". Below zero: before leaving. */
export function formatDelay(hours: number): string {
  const size = Math.abs(hours);
  const text =
    size < LONG_HOURS ? `${tenths.format(size)} h` : `${formatCount(size)} h (${tenths.format(size / 24)} days)`;
  return hours <= -0.05 ? `${text} before leaving` : text;
}

const LONG_HOURS = 72;

/** The metaverse has no agent of its own. */
export function nameSystem(agent: string): string {
  return agent === '' ? 'metaverse' : agent;
}

/** By name as people sort, the same on every machine with the same program; ties by code units. */
export function compareNames(a: string, b: string): number {
  return collator.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);
}

/** One key for each thing that is named: its id, or where there is none its name. */
export function identify(reference: Reference): string {
  return reference.id ?? `name ${reference.name ?? ''}`;
}

/**
 * Names things so that no two look alike: a name that several ids bear is followed by the beginning of the id, one
 * that is no metaverse object says so, and so does one that is no person.
 */
export function createNaming(references: Iterable<Reference>, usualType: string): (reference: Reference) => string {
  const idsByName = new Map<string, Set<string>>();
  for (const reference of references) {
    const name = reference.name ?? '';
    const ids = idsByName.get(name);
    if (ids === undefined) idsByName.set(name, new Set([identify(reference)]));
    else ids.add(identify(reference));
  }
  return ({ id, name, type }) => {
    if (id === undefined) return `${name ?? 'without a name'} (not resolved to an object)`;
    if (name === undefined || name === '') return `without a name (id ${id})`;
    const kind = type === undefined || type === usualType ? '' : ` (${type})`;
    const clash = (idsByName.get(name)?.size ?? 0) > 1 ? ` (id ${id.slice(0, 8)})` : '';
    return `${name}${kind}${clash}`;
  };
}

/** How a holding came about: "exported by rule directory/group/member, caused by hr". */
export function describeHow(holding: Holding): string {
  if (holding.outOfBand) return `added by hand in ${nameSystem(holding.agent)}, ${describeInitiator(holding, 'by ')}`;
  const rule = holding.rule === undefined ? '' : ` by rule ${holding.rule}`;
  return `${describeStage(holding)}${rule}, ${describeInitiator(holding, 'caused by ')}`;
}

function describeStage({ stage, outcome, agent }: Holding): string {
  switch (stage) {
    case 'export':
      return 'exported';
    case 'confirmation':
      return 'exported, and confirmed by an import';
    case 'import':
      return `found by an import of ${nameSystem(agent)}`;
    case 'import-flow':
      return 'flowed into the metaverse';
    case 'provisioning':
      return 'provisioned';
    case 'baseline':
      return 'carried forward by a baseline';
    default:
      return `${stage} (${outcome})`;
  }
}

const KNOWN: Readonly<Record<string, string>> = {
  reported: ', as reported',
  matched: ', matched with another log',
};

function describeInitiator({ initiator, initiatorKnown }: Holding, lead: string): string {
  if (initiator === undefined || initiator === '' || initiatorKnown === 'unknown') return 'initiator unknown';
  return `${lead}${initiator}${KNOWN[initiatorKnown] ?? ''}`;
}
