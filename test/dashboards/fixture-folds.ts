// State and access at an instant, folded from the changes up to it.
import type { FixtureChange, FixtureReference, FixtureValue } from './fixture-log.ts';

interface Held {
  agent: string;
  dn: string | null;
  anchor: string | null;
  value: FixtureValue;
  change: FixtureChange;
}

/** In which system a change set its values; undefined: it set none. */
function findSystem(change: FixtureChange): string | undefined {
  if (change.outcome === 'export-failure' || change.outcome === 'skipped-not-precedent') return undefined;
  if (change.stage === 'import-flow') return '';
  return change.stage === 'import' || change.stage === 'export' ? (change.agent ?? '') : undefined;
}

function listUntil(changes: readonly FixtureChange[], at: string | null | undefined): FixtureChange[] {
  return changes.filter((change) => !at || change.occurredAt <= at);
}

export function foldState(changes: readonly FixtureChange[], id: string, at: string | null | undefined) {
  const held = new Map<string, Held>();
  for (const change of listUntil(changes, at).filter(({ object }) => object?.id === id)) {
    const agent = findSystem(change);
    if (agent === undefined) continue;
    for (const value of change.values) {
      const multiple = value.type === 'reference' ? value.new : '';
      held.set([agent, value.attribute, multiple].join(' '), {
        agent,
        value,
        change,
        dn: change.dn,
        anchor: change.anchor,
      });
    }
  }
  const all = [...held.values()];
  return {
    at: at ?? changes.at(-1)?.occurredAt,
    watermark: String(changes.length),
    systems: [...new Set(all.map(({ agent }) => agent))].sort().map((agent) => describeSystem(agent, all)),
  };
}

function describeSystem(agent: string, all: readonly Held[]) {
  const own = all.filter((held) => held.agent === agent);
  const names = [...new Set(own.map(({ value }) => value.attribute))];
  return {
    agent,
    entry: null,
    dn: own[0]?.dn ?? null,
    anchor: own[0]?.anchor ?? null,
    attributes: names.map((name) => {
      const values = own.filter(({ value }) => value.attribute === name);
      return {
        name,
        type: values[0]?.value.type,
        marks: values[0]?.value.marks,
        values: values.map(({ value, change }) => ({
          value: value.new,
          reference: value.reference,
          since: change.occurredAt,
          setBy: change.sequence,
          withheld: false,
          initiator: change.initiator,
        })),
      };
    }),
  };
}

interface HoldingsAsked {
  holder?: string;
  entitlement?: string;
  at?: string | null | undefined;
  agent?: string | null;
}

export function findHoldings(changes: readonly FixtureChange[], asked: HoldingsAsked) {
  const holdings = new Map<string, object>();
  for (const change of listUntil(changes, asked.at)) {
    if (findSystem(change) === undefined) continue;
    for (const value of change.values.filter(({ marks }) => marks.includes('entitlement'))) {
      const holder: FixtureReference | null = value.reference ?? change.object;
      const entitlement = value.reference === null ? null : change.object;
      const key = [holder?.id, entitlement?.id, value.attribute].join(' ');
      if (asked.holder !== undefined && holder?.id !== asked.holder) continue;
      if (asked.entitlement !== undefined && entitlement?.id !== asked.entitlement) continue;
      if (asked.agent && change.agent !== asked.agent) continue;
      if (value.new === 'false') holdings.delete(key);
      else
        holdings.set(key, {
          holder,
          entitlement,
          agent: change.agent ?? '',
          attribute: value.attribute,
          value: value.new,
          since: change.occurredAt,
          grantedBy: change.sequence,
          withheld: false,
          initiator: change.initiator,
          outOfBand: change.outOfBand,
        });
    }
  }
  return {
    at: asked.at ?? changes.at(-1)?.occurredAt,
    watermark: String(changes.length),
    holdings: [...holdings.values()],
  };
}
