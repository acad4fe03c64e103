// Access as of a date: a summary by system, then every holding by system and entitlement.
import type { AccessAsOf, Holding } from '../api/queries/results.ts';
import type { Block, Column, Row, Table } from './content.ts';
import {
  compareNames,
  countOf,
  createNaming,
  describeHow,
  formatCount,
  formatInstant,
  formatSecond,
  identify,
  nameSystem,
} from './wording.ts';

interface EntitlementGroup {
  agent: string;
  title: string;
  /** Where the entitlement itself stands: the group's DN. */
  detail: string;
  /** Attributes of the account itself come before groups. */
  isGroup: boolean;
  holdings: Holding[];
}

/** The blocks between the head of the report and its evidence. `producedAt` in microseconds. */
export function describeAccess(answer: AccessAsOf, producedAt: number): Block[] {
  const systems = Map.groupBy(answer.holdings, (holding) => holding.agent);
  const agents = [...systems.keys()].sort(compareSystems);
  const nameHolder = createNaming(
    answer.holdings.map((holding) => holding.holder),
    'person',
  );
  return [
    { kind: 'heading', level: 2, text: 'Summary by system' },
    ...describeFuture(answer.at, producedAt),
    ...(answer.holdings.length === 0 ? describeNobody(answer.at) : [summarize(answer.holdings, agents, systems)]),
    ...agents.flatMap((agent) => describeSystem(agent, systems.get(agent) ?? [], nameHolder)),
  ];
}

function describeNobody(at: number): Block[] {
  const text = `Nobody held an entitlement in this scope at ${formatInstant(at)}. The list is empty, not left out.`;
  return [{ kind: 'notice', tone: 'plain', text }];
}

function describeFuture(at: number, producedAt: number): Block[] {
  if (at <= producedAt) return [];
  const text = `The instant asked for lies after this report was produced (${formatInstant(producedAt)}): it shows what was known by then.`;
  return [{ kind: 'notice', tone: 'bad', text }];
}

/** The metaverse last: it is the engine's own view, the systems are what counts. */
function compareSystems(a: string, b: string): number {
  return Number(a === '') - Number(b === '') || compareNames(a, b);
}

function summarize(all: Holding[], agents: readonly string[], systems: Map<string, Holding[]>): Table {
  const rows = agents.map((agent): Row => summarizeSystem(nameSystem(agent), systems.get(agent) ?? [], all.length));
  const total = summarizeSystem('All systems', all, all.length);
  return {
    kind: 'table',
    share: 0.75,
    together: true,
    columns: [
      { title: 'System', width: 26, heads: true },
      { title: 'Holders', width: 14, align: 'right' },
      { title: 'Entitlements', width: 16, align: 'right' },
      { title: 'Holdings', width: 14, align: 'right' },
      { title: 'Added by hand', width: 16, align: 'right' },
      { title: 'Share of holdings', width: 22, align: 'right' },
    ],
    rows: agents.length > 1 ? [...rows, { kind: 'cells', style: 'total', cells: cellsOf(total) }] : rows,
  };
}

function cellsOf(row: Row) {
  return row.kind === 'cells' ? row.cells : [];
}

function summarizeSystem(name: string, holdings: readonly Holding[], all: number): Row {
  const holders = new Set(holdings.map((holding) => identify(holding.holder)));
  const entitlements = new Set(holdings.map(keyOfEntitlement));
  const byHand = holdings.filter((holding) => holding.outOfBand).length;
  const share = all === 0 ? 0 : holdings.length / all;
  return {
    kind: 'cells',
    cells: [
      name,
      formatCount(holders.size),
      formatCount(entitlements.size),
      formatCount(holdings.length),
      byHand === 0 ? '0' : { text: formatCount(byHand), tone: 'bad', face: 'bold' },
      { text: `${(share * 100).toFixed(1)} %`, share },
    ],
  };
}

function keyOfEntitlement(holding: Holding): string {
  const what =
    holding.entitlement === undefined ? `${holding.attribute}\n${holding.value}` : identify(holding.entitlement);
  return `${holding.agent}\n${holding.entitlement === undefined ? 'attribute' : 'object'}\n${what}`;
}

const COLUMNS: readonly Column[] = [
  { title: 'Person', width: 17, heads: true },
  { title: 'Account or entry', width: 27 },
  { title: 'Since (UTC)', width: 11.8 },
  { title: 'How', width: 37.2 },
  { title: 'Event', width: 7, align: 'right', face: 'mono' },
];

function describeSystem(
  agent: string,
  holdings: Holding[],
  nameHolder: (holder: Holding['holder']) => string,
): Block[] {
  return [
    { kind: 'heading', level: 2, text: `System: ${nameSystem(agent)}` },
    { kind: 'table', columns: COLUMNS, rows: listRows(groupByEntitlement(holdings), nameHolder) },
  ];
}

function groupByEntitlement(holdings: readonly Holding[]): EntitlementGroup[] {
  const groups = [...Map.groupBy(holdings, keyOfEntitlement).values()].flatMap((members): EntitlementGroup[] => {
    const [first] = members;
    return first === undefined ? [] : [{ agent: first.agent, ...nameEntitlement(first), holdings: members }];
  });
  return groups.sort(
    (a, b) =>
      Number(a.isGroup) - Number(b.isGroup) || compareNames(a.title, b.title) || compareNames(a.detail, b.detail),
  );
}

function nameEntitlement(holding: Holding): { title: string; detail: string; isGroup: boolean } {
  const { entitlement, attribute, value } = holding;
  if (entitlement !== undefined) {
    const name = entitlement.name ?? entitlement.id ?? 'without a name';
    return { title: `Group ${name}`, detail: holding.entryName ?? '', isGroup: true };
  }
  const enabled = value === 'true' ? 'Enabled account' : 'Entitlement of the account';
  return { title: enabled, detail: `${attribute} = ${value}`, isGroup: false };
}

function* listRows(
  groups: readonly EntitlementGroup[],
  nameHolder: (holder: Holding['holder']) => string,
): Generator<Row> {
  for (const { title, detail, holdings } of groups) {
    const count = countOf(holdings.length, 'holding');
    yield { kind: 'group', text: title, detail: detail === '' ? count : `${count}  ·  ${detail}` };
    const named = holdings.map((holding) => ({ holding, name: nameHolder(holding.holder) }));
    named.sort((a, b) => compareNames(a.name, b.name) || a.holding.grantedBy - b.holding.grantedBy);
    for (const { holding, name } of named) yield describeHolding(holding, name);
  }
}

function describeHolding(holding: Holding, name: string): Row {
  const how = describeHow(holding);
  return {
    kind: 'cells',
    cells: [
      name,
      nameAccount(holding),
      formatSecond(holding.since),
      holding.outOfBand ? { text: how, tone: 'bad' } : how,
      String(holding.grantedBy),
    ],
  };
}

/** A group's member is named by the value, an account by the entry that the attribute is on. */
function nameAccount({ entitlement, entryName, value, holder }: Holding): string {
  const account = entitlement === undefined ? entryName : value;
  return account === undefined || account === '' || account === holder.id ? '–' : account;
}
