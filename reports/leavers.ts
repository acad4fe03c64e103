// Leavers of a period: how long their accounts stayed open, by system; then each leaver, the longest delay first.
import type { Leaver, LeaverAccount, LeaversOfPeriod } from '../api/queries/results.ts';
import { computeDelays, type Duration } from '../api/queries/survival.ts';
import type { Block, Cell, Row, Table } from './content.ts';
import {
  compareNames,
  countOf,
  createNaming,
  formatCount,
  formatDelay,
  formatInstant,
  formatSecond,
  identify,
  nameSystem,
} from './wording.ts';

type Naming = (person: Leaver['person']) => string;

/** The blocks between the head of the report and its evidence. `producedAt` in microseconds. */
export function describeLeavers(answer: LeaversOfPeriod, producedAt: number): Block[] {
  const { leavers } = answer;
  const name = createNaming(
    leavers.map((leaver) => leaver.person),
    'person',
  );
  return [
    { kind: 'heading', level: 2, text: 'Summary' },
    ...describeFuture(answer, producedAt),
    ...(leavers.length === 0 ? describeNobody(answer) : [...summarize(answer), ...listAccounts(answer, name)]),
    ...listWithoutAccount(leavers, name),
  ];
}

/** Rows of the two lists: one for each account, and one for each person without any. */
export function countLeaverRows({ leavers }: LeaversOfPeriod): number {
  return leavers.reduce((rows, leaver) => rows + Math.max(1, leaver.accounts.length), 0);
}

function describeNobody({ from, to }: LeaversOfPeriod): Block[] {
  const text = `Nobody left from ${formatInstant(from)} to ${formatInstant(to)}. The list is empty, not left out.`;
  return [{ kind: 'notice', tone: 'plain', text }];
}

function describeFuture({ to }: LeaversOfPeriod, producedAt: number): Block[] {
  if (to <= producedAt) return [];
  const text = `The period ends after this report was produced (${formatInstant(producedAt)}): whoever leaves later is not in it.`;
  return [{ kind: 'notice', tone: 'bad', text }];
}

function summarize(answer: LeaversOfPeriod): Block[] {
  const accounts = answer.leavers.flatMap((leaver) => leaver.accounts);
  const without = answer.leavers.filter((leaver) => leaver.accounts.length === 0).length;
  const open = accounts.filter(isOpen).length;
  const text = [
    `${countOf(answer.leavers.length, 'person', 'people')} left in the period.`,
    `They had ${countOf(accounts.length, 'enabled account')}; ${formatCount(without)} of them had none.`,
    open === 0
      ? 'No account is still open.'
      : `${countOf(open, 'account')} still open at ${formatInstant(answer.asOf)}.`,
  ].join(' ');
  const notice: Block = open === 0 ? { kind: 'paragraph', text } : { kind: 'notice', tone: 'bad', text };
  if (accounts.length === 0) return [notice];
  return [notice, tabulateDelays(accounts), explainDelays(answer)];
}

function tabulateDelays(accounts: readonly LeaverAccount[]): Table {
  const systems = Map.groupBy(accounts, (account) => account.agent);
  const agents = [...systems.keys()].sort(compareNames);
  const rows = agents.map((agent) => summarizeSystem(nameSystem(agent), systems.get(agent) ?? []));
  const total: Row = { ...summarizeSystem('All systems', accounts), style: 'total' };
  return {
    kind: 'table',
    together: true,
    columns: [
      { title: 'System', width: 12, heads: true },
      { title: 'Accounts', width: 7.5, align: 'right' },
      { title: 'Disabled', width: 7.5, align: 'right' },
      { title: 'Still open', width: 8, align: 'right' },
      { title: 'Share disabled', width: 11, align: 'right' },
      { title: 'Half within (p50)', width: 18, align: 'right' },
      { title: '95 % within (p95)', width: 18, align: 'right' },
      { title: 'Longest', width: 18, align: 'right' },
    ],
    rows: agents.length > 1 ? [...rows, total] : rows,
  };
}

function summarizeSystem(name: string, accounts: readonly LeaverAccount[]) {
  const figures = computeDelays(
    accounts.map((account) => ({ hours: account.hours, open: account.disabledAt === undefined })),
  );
  const stillOpen = accounts.filter(isOpen).length;
  const share = figures.accounts === 0 ? 0 : figures.closed / figures.accounts;
  const open: Cell = { text: formatCount(stillOpen), tone: 'bad', face: 'bold' };
  const cells: (string | Cell)[] = [
    name,
    formatCount(figures.accounts),
    formatCount(figures.closed),
    stillOpen === 0 ? '0' : open,
    { text: `${(Math.floor(share * 1000) / 10).toFixed(1)} %`, share },
    formatDuration(figures.p50),
    formatDuration(figures.p95),
    formatDuration(figures.longest),
  ];
  return { kind: 'cells' as const, cells };
}

function formatDuration(duration: Duration | undefined): string {
  if (duration === undefined) return '–';
  return duration.atLeast ? `at least ${formatDelay(duration.hours)}` : formatDelay(duration.hours);
}

function explainDelays({ asOf }: LeaversOfPeriod): Block {
  const text =
    'The delay runs from the time HR let the person go to the time the account was disabled or deleted. ' +
    `An account that is still open is not dropped: its delay is at least what had passed at ${formatInstant(asOf)}, and the ` +
    'figures take it so (Kaplan–Meier estimate). “Half within” is the shortest delay within which half of the accounts ' +
    'were disabled; “at least” says that so many have not been disabled yet, or that an open account may still last longer. ' +
    'An account still enabled when its person was re-hired counts until then, and is not open after.';
  return { kind: 'paragraph', tone: 'quiet', text };
}

function listAccounts({ leavers }: LeaversOfPeriod, name: Naming): Block[] {
  const withAccounts = leavers.filter((leaver) => leaver.accounts.length > 0);
  if (withAccounts.length === 0) return [];
  return [
    { kind: 'heading', level: 2, text: 'Leavers and their accounts, the longest delay first' },
    {
      kind: 'table',
      columns: [
        { title: 'Person', width: 15, heads: true },
        { title: 'Let go (UTC)', width: 11.8 },
        { title: 'Known by', width: 8.8 },
        { title: 'System', width: 8.7 },
        { title: 'Account', width: 19 },
        { title: 'Disabled (UTC)', width: 11.8 },
        { title: 'Delay', width: 12.4, align: 'right' },
        { title: 'Gone by event', width: 6.2, align: 'right', face: 'mono' },
        { title: 'Disabled by event', width: 6.3, align: 'right', face: 'mono' },
      ],
      rows: listAccountRows(withAccounts, name),
    },
  ];
}

function* listAccountRows(leavers: readonly Leaver[], name: Naming): Generator<Row> {
  const sorted = leavers.map((leaver) => ({ leaver, name: name(leaver.person), longest: findLongest(leaver) }));
  sorted.sort(
    (a, b) =>
      b.longest - a.longest ||
      compareNames(a.name, b.name) ||
      compareNames(identify(a.leaver.person), identify(b.leaver.person)) ||
      a.leaver.goneBy - b.leaver.goneBy,
  );
  for (const { leaver, name } of sorted) {
    const accounts = [...leaver.accounts].sort((a, b) => b.hours - a.hours || compareNames(a.agent, b.agent));
    for (const [index, account] of accounts.entries()) yield describeAccount(leaver, name, account, index === 0);
  }
}

function describeAccount(leaver: Leaver, name: string, account: LeaverAccount, isFirst: boolean): Row {
  const open = isOpen(account);
  const delay = formatDelay(account.hours);
  return {
    kind: 'cells',
    style: open ? 'open' : 'plain',
    cells: [
      isFirst ? name : { text: name, tone: 'quiet' },
      isFirst ? formatSecond(leaver.leftAt) : { text: formatSecond(leaver.leftAt), tone: 'quiet' },
      { text: describeKnown(leaver), tone: isFirst ? 'plain' : 'quiet' },
      nameSystem(account.agent),
      account.account ?? '–',
      describeEnd(account),
      open ? { text: `at least ${delay}`, tone: 'bad', face: 'bold' } : delay,
      String(leaver.goneBy),
      account.disabledBy === undefined ? '–' : String(account.disabledBy),
    ],
  };
}

function listWithoutAccount(leavers: readonly Leaver[], name: Naming): Block[] {
  const without = leavers.filter((leaver) => leaver.accounts.length === 0);
  if (without.length === 0) return [];
  const rows = without.map((leaver) => ({ leaver, name: name(leaver.person) }));
  rows.sort((a, b) => a.leaver.leftAt - b.leaver.leftAt || compareNames(a.name, b.name));
  return [
    { kind: 'heading', level: 2, text: 'Leavers without an enabled account' },
    {
      kind: 'paragraph',
      tone: 'quiet',
      text: 'They had no enabled account when they left, so there was nothing to disable.',
    },
    {
      kind: 'table',
      share: 0.75,
      columns: [
        { title: 'Person', width: 40, heads: true },
        { title: 'Let go (UTC)', width: 20 },
        { title: 'Known by', width: 20 },
        { title: 'Gone by event', width: 15, align: 'right', face: 'mono' },
      ],
      rows: rows.map(({ leaver, name }) => ({
        kind: 'cells',
        cells: [name, formatSecond(leaver.leftAt), describeKnown(leaver), String(leaver.goneBy)],
      })),
    },
  ];
}

function describeKnown(leaver: Leaver): string {
  return leaver.leftAtKnown === 'leaving-date' ? 'leaving date' : 'gone from HR';
}

/** When it was disabled, that its person was back before it was, or that it is open to this day. */
function describeEnd({ disabledAt, rehiredAt, reenabledAt }: LeaverAccount): string | Cell {
  if (rehiredAt !== undefined) return `kept: re-hired ${formatSecond(rehiredAt)}`;
  if (disabledAt === undefined) return { text: 'OPEN', tone: 'bad', face: 'bold' };
  if (reenabledAt === undefined) return formatSecond(disabledAt);
  const text = `${formatSecond(disabledAt)}, enabled again ${formatSecond(reenabledAt).slice(0, 10)}`;
  return { text, tone: 'bad' };
}

function isOpen({ disabledAt, rehiredAt }: LeaverAccount): boolean {
  return disabledAt === undefined && rehiredAt === undefined;
}

function findLongest(leaver: Leaver): number {
  return leaver.accounts.reduce((longest, account) => Math.max(longest, account.hours), Number.NEGATIVE_INFINITY);
}
