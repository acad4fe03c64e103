// What the roles of whoever asks let them see of the log (api/queries/sight.ts enforces it).
import type { AgentType, Configuration } from '../../engine/configuration/model.ts';
import type { Questioned } from '../../ingest/erasure/emptied-first.ts';
import { MARKS } from '../../ingest/event.ts';
import { findByAttribute } from '../queries/people.ts';
import { ReportingLines } from '../queries/reporting-lines.ts';
import type { Sight } from '../queries/sight.ts';
import { Team, UnknownManagerError } from '../queries/team.ts';
import type { Access, Role } from './access.ts';

/** Marks whose values a role does not see, unless the configuration says otherwise. */
const HIDDEN: Readonly<Record<Role, number>> = {
  auditor: MARKS.sensitive,
  investigator: 0,
  manager: MARKS.sensitive,
  operator: MARKS.personal | MARKS.sensitive,
  administrator: MARKS.personal | MARKS.sensitive,
};

/** Roles that tell of everybody. A manager who has others beside sees the people who report to them, whatever the question. */
const READERS: readonly Role[] = ['auditor', 'investigator'];

/** Of several roles the one that sees more counts, mark by mark. Sensitive values are told to nobody who gives no reason. */
export function hiddenMarks({ roles, reason }: Access, configured: Configuration['access']['hidden']): number {
  const all = Object.values(MARKS).reduce((sum, mark) => sum | mark, 0);
  const hidden = roles.reduce((left, role) => left & (configured[role] ?? HIDDEN[role]), all);
  return reason ? hidden : hidden | MARKS.sensitive;
}

interface SightSources {
  configuration: Configuration;
  lines: ReportingLines | undefined;
  whole: Questioned;
  watermark: number;
}

export function sightOf(access: Access, { configuration, lines, whole, watermark }: SightSources): Sight {
  const hidden = hiddenMarks(access, configuration.access.hidden);
  const sight = { hidden, hiddenAttributes: hiddenAttributes(hidden, configuration) };
  const { roles } = access;
  const isLimited = !roles.some((role) => READERS.includes(role)) && (roles.includes('manager') || roles.length === 0);
  if (!isLimited) return sight;
  const people = [...configuration.metaverse.values()].filter(({ about }) => about === 'person');
  const personTypes = new Set(people.map(({ name }) => name));
  const findManager = () => managerOf(access, configuration, whole, watermark);
  const team = new Team({
    whole,
    lines: lines ?? new ReportingLines(''),
    findManager,
    personTypes,
    watermark,
    withRuns: roles.includes('operator'),
  });
  return { ...sight, team };
}

/** Throws UnknownManagerError. */
async function managerOf(
  { roles, identity }: Access,
  { access: { identityAttribute, managerAttribute } }: Configuration,
  whole: Questioned,
  watermark: number,
): Promise<string> {
  if (!roles.includes('manager')) throw new UnknownManagerError('None of your roles tells of people.');
  if (identityAttribute === undefined || managerAttribute === undefined)
    throw new UnknownManagerError(
      'The configuration does not say who reports to whom: access needs manager and identity, or a manager sees nobody.',
    );
  if (identity === undefined)
    throw new UnknownManagerError('Nothing tells who you are in the metaverse, so nobody is known to report to you.');
  const found = await findByAttribute(whole, { attribute: identityAttribute, text: identity, watermark });
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const who = found.length === 0 ? 'Nobody' : 'More than one person';
  throw new UnknownManagerError(
    `${who} in the metaverse has your sign-in as ${identityAttribute}, so nobody is known to report to you.`,
  );
}

const KNOWN = new WeakMap<Configuration, Map<number, ReadonlySet<string>>>();

/** Found once for a configuration: every request asks. */
function hiddenAttributes(marks: number, configuration: Configuration): ReadonlySet<string> {
  const known = KNOWN.get(configuration) ?? new Map<number, ReadonlySet<string>>();
  KNOWN.set(configuration, known);
  const names = known.get(marks) ?? attributesWith(marks, configuration);
  known.set(marks, names);
  return names;
}

/** In the metaverse or in any connected system: those that bear one of the marks, and those that their values flow from or to. */
function attributesWith(marks: number, configuration: Configuration): Set<string> {
  const types = [...configuration.agents.values()].flatMap((agent) => [...agent.types.values()]);
  const all = [...configuration.metaverse.values(), ...types.map(({ schema }) => schema)];
  const marked = all.flatMap(({ attributes }) => [...attributes.values()].filter((each) => (each.marks & marks) !== 0));
  const found = new Set(marked.map(({ name }) => name));
  const flows = types.flatMap(flowsOf);
  for (let size = -1; size !== found.size; ) {
    size = found.size;
    for (const { from, to, isWhole } of flows) {
      if (from.some((name) => found.has(name))) found.add(to);
      // What a hidden attribute has its values from is as telling; what an expression makes one of may be anything.
      if (isWhole && found.has(to)) for (const name of from) found.add(name);
    }
  }
  return found;
}

interface Flow {
  from: readonly string[];
  to: string;
  isWhole: boolean;
}

function flowsOf({ importFlows, exportFlows, computed }: AgentType): Flow[] {
  const flows = [...importFlows, ...exportFlows].map(({ from, to }) => ({ from, to }));
  const computations = computed.map(({ attribute, expression }) => ({ from: { expression }, to: attribute }));
  return [...flows, ...computations].map(({ from, to }) =>
    'attribute' in from
      ? { from: [from.attribute], to, isWhole: true }
      : { from: from.expression.text.match(/[A-Za-z][\w-]*/g) ?? [], to, isWhole: false },
  );
}
