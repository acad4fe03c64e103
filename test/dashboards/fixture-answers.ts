// What the fixture's GraphQL server answers: plain folds over the story's log.
import { findHoldings, foldState } from './fixture-folds.ts';
import type { FixtureChange, FixtureRun, FixtureStep } from './fixture-log.ts';
import { proveFixture } from './fixture-proof.ts';
import { answerReads, type ReadsAsked } from './fixture-reads.ts';
import type { FixturePerson } from './fixture-steps.ts';
import type { FixtureStory } from './fixture-story.ts';

export interface FilterGiven {
  from?: string | null;
  to?: string | null;
  object?: string | null;
  attribute?: string | null;
  value?: string | null;
  agent?: string | null;
  initiator?: string | null;
  stages?: string[] | null;
  outcomes?: string[] | null;
  run?: string | null;
  outOfBand?: boolean | null;
  watermark?: string | null;
}

type Page = { first: number; after?: string | null };

const PROBLEMS = new Set(['export-failure', 'ambiguous-join', 'skipped-not-precedent']);
const ROOT = '4c1f8a2be6d03971c5b8e4f2a7d69013b8c2e5f4a1d7c6b3e9f0a2d5c8b7e6f1';

const VIEWER = {
  name: 'local administrator',
  roles: ['auditor', 'investigator'],
  questions: ['overview', 'changes', 'objects', 'runs', 'report', 'reads'],
  withheld: ['sensitive'],
  scope: null,
};

export function answerQuestions(story: FixtureStory) {
  const { changes, runs } = story.log;
  const watermark = String(changes.length);
  const log = {
    origin: 'example.org/metatrail',
    size: watermark,
    watermark,
    lag: 0,
    lagSeconds: 0,
    pressure: 'none',
    root: ROOT,
    expiredBelow: '0',
    state: 'delivering',
    problem: null,
    outside: { destination: 'witness example.org/w1', size: '12', at: '2024-06-10T07:20:00.000000Z' },
    destinations: [
      { destination: 'witness example.org/w1', size: '12', at: '2024-06-10T07:20:00.000000Z', problem: null },
      {
        destination: 'webhook https://example.org',
        size: null,
        at: null,
        problem: 'The webhook https://example.org answered 503.',
      },
    ],
  };
  const findChange = (sequence: string) => changes[Number(sequence)] ?? null;
  const showChange = (change: FixtureChange): object => ({
    ...change,
    causedBy: () => listCauses(changes, change).map(showChange),
    proof: () => proveFixture(Number(change.sequence), changes.length),
    ledTo: ({ first }: { first: number }) => listConsequences(changes, change).slice(0, first).map(showChange),
  });
  const listChanges = (filter: FilterGiven | null | undefined, page: Page) => {
    const fitting = changes.filter((change) => fits(change, filter ?? {})).reverse();
    const start = page.after ? fitting.findIndex(({ sequence }) => sequence === page.after) + 1 : 0;
    const nodes = fitting.slice(start, start + page.first);
    const hasNextPage = start + page.first < fitting.length;
    return {
      nodes: nodes.map(showChange),
      pageInfo: { hasNextPage, endCursor: nodes.at(-1)?.sequence ?? null },
      watermark,
    };
  };
  const newestRuns = runs.map((run) => showRun(changes, run)).reverse();
  return {
    overview: () => ({ ...countOverview(story, showChange), recentRuns: newestRuns.slice(0, 8), log }),
    log: () => log,
    viewer: VIEWER,
    changes: ({ filter, ...page }: Page & { filter?: FilterGiven }) => listChanges(filter, page),
    change: ({ sequence }: { sequence: string }) => {
      const change = findChange(sequence);
      return change === null ? null : showChange(change);
    },
    ...answerObjects(story, listChanges),
    holders: (asked: { entitlement: string; at?: string; agent?: string }) => findHoldings(changes, asked),
    agents: () => [
      { name: 'hr', connector: 'csv', runProfiles: ['Full import and synchronisation'], lastRun: null },
      { name: 'directory', connector: 'ldap', runProfiles: ['Export', 'Confirming import'], lastRun: null },
    ],
    runs: (asked: Page & { agent?: string }) => listRuns(newestRuns, asked),
    run: ({ sequence }: { sequence: string }) => newestRuns.find((run) => run.sequence === sequence) ?? null,
    reports: () => REPORTS,
    reads: (asked: ReadsAsked) => answerReads(story, watermark, asked),
  };
}

type ListChanges = (filter: FilterGiven, page: Page) => object;

function answerObjects(story: FixtureStory, listChanges: ListChanges) {
  const { changes } = story.log;
  return {
    objects: ({ search, type }: { search?: string; type?: string }) => {
      const part = (search ?? '').toLowerCase();
      return listObjects(story).filter(
        (object) =>
          (!type || object.type === type) &&
          [object.name, ...object.formerNames].some((name) => name.toLowerCase().includes(part)),
      );
    },
    object: ({ id }: { id: string }) => {
      const object = listObjects(story).find((known) => known.id === id);
      if (object === undefined) return null;
      return {
        ...object,
        history: ({ filter, ...page }: Page & { filter?: FilterGiven }) => listChanges({ ...filter, object: id }, page),
        state: ({ at }: { at?: string }) => foldState(changes, id, at),
        access: ({ at }: { at?: string }) => findHoldings(changes, { holder: id, at }),
      };
    },
  };
}

function fits(change: FixtureChange, filter: FilterGiven): boolean {
  const { values } = change;
  return (
    (!filter.from || change.occurredAt >= filter.from) &&
    (!filter.to || change.occurredAt < filter.to) &&
    (!filter.object || change.object?.id === filter.object || values.some((v) => v.reference?.id === filter.object)) &&
    (!filter.attribute || values.some(({ attribute }) => attribute === filter.attribute)) &&
    (!filter.value || values.some((value) => value.old === filter.value || value.new === filter.value)) &&
    (!filter.agent || change.agent === filter.agent) &&
    (!filter.initiator || change.initiator === filter.initiator) &&
    (!filter.stages?.length || filter.stages.includes(change.stage)) &&
    (!filter.outcomes?.length || filter.outcomes.includes(change.outcome)) &&
    (!filter.run || change.run === filter.run) &&
    (filter.outOfBand == null || change.outOfBand === filter.outOfBand) &&
    (!filter.watermark || Number(change.sequence) < Number(filter.watermark))
  );
}

/** The root first, the change itself last. */
function listCauses(changes: readonly FixtureChange[], change: FixtureChange): FixtureChange[] {
  const cause = changes[Number(change.causes[0])];
  return cause === undefined ? [change] : [...listCauses(changes, cause), change];
}

function listConsequences(changes: readonly FixtureChange[], change: FixtureChange): FixtureChange[] {
  const led = new Set([change.sequence]);
  return changes.filter(({ sequence, causes }) => {
    if (!causes.some((cause) => led.has(cause))) return false;
    led.add(sequence);
    return true;
  });
}

function listObjects(story: FixtureStory) {
  return [...story.people.map(({ reference }) => reference), ...story.groups].map((reference) => {
    const own = story.log.changes.filter(({ object }) => object?.id === reference.id);
    const name = reference.name ?? '';
    return {
      id: reference.id,
      type: reference.type ?? 'object',
      name,
      formerNames: [...new Set(own.map(({ object }) => object?.name ?? ''))].filter((former) => former !== name),
      deleted:
        story.people.find((person) => person.reference.id === reference.id)?.disabledAt?.startsWith('2024-05') ?? false,
      firstSeen: own[0]?.occurredAt ?? story.log.changes[0]?.occurredAt,
      lastChanged: own.at(-1)?.occurredAt ?? story.log.changes[0]?.occurredAt,
    };
  });
}

function listRuns(newest: readonly ReturnType<typeof showRun>[], { agent, first, after }: Page & { agent?: string }) {
  const fitting = newest.filter((run) => !agent || run.agent === agent);
  const start = after ? fitting.findIndex(({ sequence }) => sequence === after) + 1 : 0;
  const nodes = fitting.slice(start, start + first);
  const hasNextPage = start + first < fitting.length;
  return { nodes, pageInfo: { hasNextPage, endCursor: nodes.at(-1)?.sequence ?? null } };
}

function showRun(changes: readonly FixtureChange[], run: FixtureRun) {
  return { ...run, sequence: run.id, steps: run.steps.map((step) => showStep(changes, run, step)) };
}

function showStep(changes: readonly FixtureChange[], run: FixtureRun, step: FixtureStep) {
  const own = changes.filter((change) => change.run === run.id && change.step === step.number);
  const countedAs = own.map(nameCounter);
  const counted = [...new Set(countedAs)].map((name) => ({
    ...readCounter(name),
    count: countedAs.filter((other) => other === name).length,
  }));
  const unchanged =
    step.unchanged === null
      ? []
      : [{ ...readCounter(`import/${run.agent}/person/stage-no-change`), count: step.unchanged }];
  const changed = own.filter(({ stage }) => stage === 'import').length;
  const read = (step.unchanged ?? 0) + changed;
  return {
    ...step,
    counters: [...unchanged, ...counted],
    counted,
    complete: true,
    faults: [],
    message: null,
    balance: step.unchanged === null ? null : { read, unchanged: step.unchanged, changed, refused: 0, gone: 0 },
  };
}

function readCounter(path: string) {
  const [stage = '', agent = '', objectType = '', name = ''] = path.split('/');
  return { stage, agent, objectType, name };
}

function nameCounter({ stage, agent, object, outcome }: FixtureChange): string {
  return [stage, agent, object?.type ?? 'person', outcome].join('/');
}

function countOverview(story: FixtureStory, showChange: (change: FixtureChange) => object) {
  const { changes } = story.log;
  const until = changes.at(-1)?.occurredAt ?? null;
  const months = new Map<string, { period: string; stage: string; count: number }>();
  for (const { occurredAt, stage } of changes.filter((change) => change.stage !== 'run')) {
    const month = { period: occurredAt.slice(0, 7), stage, count: 0 };
    const counted = months.get(`${month.period} ${stage}`) ?? month;
    counted.count += 1;
    months.set(`${month.period} ${stage}`, counted);
  }
  const leavers = story.people.filter(({ leftOn }) => leftOn !== null);
  const open = leavers.filter(({ disabledAt }) => disabledAt === null);
  return {
    until,
    objectCounts: [
      { name: 'person', count: story.people.length - leavers.length },
      { name: 'group', count: story.groups.length },
    ],
    changesByMonth: [...months.values()],
    turnover: countTurnover(story.people),
    problems: countProblems(changes, showChange),
    outOfBand: changes.filter(({ outOfBand }) => outOfBand).length,
    openLeaverAccounts: open.length,
    openLeavers: open.map(({ reference, leftOn }) => ({
      person: reference,
      agent: 'directory',
      leftAt: `${leftOn}T00:00:00.000000Z`,
      openHours: (Date.parse(until ?? '') - Date.parse(`${leftOn}T00:00:00Z`)) / 3_600_000,
    })),
    leaverDelays: [
      {
        agent: 'directory',
        closed: leavers.length - open.length,
        open: open.length,
        medianHours: 6.75,
        p95Hours: 6.75,
        maximumHours: 6.75,
      },
    ],
  };
}

function countTurnover(people: readonly FixturePerson[]) {
  const periods = new Set(
    people.flatMap(({ joinedOn, leftOn }) => [joinedOn.slice(0, 7), ...(leftOn ? [leftOn.slice(0, 7)] : [])]),
  );
  return [...periods].map((period) => ({
    period,
    joiners: people.filter(({ joinedOn }) => joinedOn.startsWith(period)).length,
    leavers: people.filter(({ leftOn }) => leftOn?.startsWith(period)).length,
  }));
}

function countProblems(changes: readonly FixtureChange[], showChange: (change: FixtureChange) => object) {
  return [...PROBLEMS].flatMap((outcome) => {
    const found = changes.filter((change) => change.outcome === outcome);
    const latest = found.at(-1);
    if (latest === undefined) return [];
    const { error, stage, agent } = latest;
    return [{ outcome, error, stage, agent, count: found.length, latest: showChange(latest) }];
  });
}

const REPORTS = [
  {
    name: 'leavers',
    title: 'Leavers and the time to disable',
    description:
      'Everyone who left in a period, and how long each of their accounts stayed open. Open cases are named.',
    parameters: [
      { name: 'from', label: 'From', type: 'date', required: true },
      { name: 'to', label: 'To', type: 'date', required: true },
      { name: 'agent', label: 'System', type: 'text', required: false },
    ],
  },
  {
    name: 'access',
    title: 'Who had access',
    description: 'Every entitlement of every person on one date, since when and by whom.',
    parameters: [{ name: 'at', label: 'On', type: 'date', required: true }],
  },
  {
    name: 'out-of-band',
    title: 'Changes outside the synchronisation',
    description: 'Every change in a connected system that no export explains.',
    parameters: [],
  },
];
