// Resolves the names of a configuration and compiles its expressions; collects every fault instead of stopping at one.
import { MARKS, type Mark } from '../../ingest/event.ts';
import { createConnector } from '../connectors/create.ts';
import { isSecretAttribute } from '../secrets.ts';
import type { Fault, ParsedDocument, Path } from './document.ts';
import { compileExpression, type Expression } from './expressions.ts';
import type { AccessRules, Agent, Configuration, DeletionRule, MetaverseAttribute, MetaverseType } from './model.ts';
import { resolveAgent } from './resolve-agent.ts';
import type { ConfigurationShape, MetaverseTypeShape } from './shape.ts';

/** What the resolvers share: where things stand, and the faults found so far. */
export class Resolution {
  readonly faults: Fault[] = [];
  readonly #document: ParsedDocument;

  constructor(document: ParsedDocument) {
    this.#document = document;
  }

  fault(path: Path, message: string): void {
    this.faults.push({ ...this.#document.placeOf(path), message: `${message} (${path.map(String).join('.')})` });
  }

  /** The value of a name, or undefined and a fault that lists the names there are. */
  look<T>(map: ReadonlyMap<string, T>, key: string, path: Path, what: string, of?: string): T | undefined {
    const found = map.get(key);
    const owner = of === undefined ? '' : ` of ${of}`;
    if (found === undefined)
      this.fault(path, `there is no ${what} ${key}${owner}; there is ${[...map.keys()].join(', ') || 'none'}`);
    return found;
  }

  compile(text: string, rule: string, path: Path, isCondition = false): Expression {
    try {
      return compileExpression(text, rule, isCondition);
    } catch (error) {
      this.fault(
        path,
        `the expression is wrong: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)}`,
      );
      return { text, rule, evaluate: () => undefined };
    }
  }
}

/** Names of values that events carry beside attributes, and of the two ways to refer to an entry without one. */
export const RESERVED_NAMES = new Set(['anchor', 'candidate', 'dn', 'error-message', 'predecessor']);

export function reservedMessage(name: string): string {
  return `the name ${name} has a meaning of its own in events and references: give the attribute another one`;
}

export function sumOfMarks(marks: readonly Mark[]): number {
  return marks.reduce((sum, mark) => sum | MARKS[mark], 0);
}

export function resolveConfiguration(
  shape: ConfigurationShape,
  document: ParsedDocument,
): { configuration: Omit<Configuration, 'text' | 'sha256'>; faults: Fault[] } {
  const resolution = new Resolution(document);
  const agentNames = Object.keys(shape.agents);
  const metaverse = new Map(
    Object.entries(shape.metaverse).map(([name, type]) => [
      name,
      resolveMetaverseType(name, type, agentNames, resolution),
    ]),
  );
  const agents = new Map(
    Object.entries(shape.agents).map(([name, agent]) => [name, resolveAgent(name, agent, metaverse, resolution)]),
  );
  const { events, reads, partition_events: partitionEvents } = shape.retention;
  const retention = { events, reads, partitionEvents };
  const access = resolveAccess(shape.access, metaverse, resolution);
  const cycle = shape.cycle.map((text, index) => resolveCycleStep(text, index, agents, resolution));
  if (resolution.faults.length === 0) for (const agent of agents.values()) checkConnector(agent, resolution);
  return {
    configuration: { name: shape.name, metaverse, agents, retention, access, cycle },
    faults: resolution.faults,
  };
}

function resolveAccess(
  { hidden, manager, identity }: ConfigurationShape['access'],
  metaverse: ReadonlyMap<string, MetaverseType>,
  resolution: Resolution,
): AccessRules {
  const people = [...metaverse.values()].filter(({ about }) => about === 'person');
  const attributes = new Map(people.flatMap((type) => [...type.attributes]));
  if (identity !== undefined)
    resolution.look(attributes, identity, ['access', 'identity'], 'attribute', 'an object type about persons');
  const reference =
    manager === undefined
      ? undefined
      : resolution.look(attributes, manager, ['access', 'manager'], 'attribute', 'an object type about persons');
  if (reference && reference.type !== 'reference')
    resolution.fault(
      ['access', 'manager'],
      `${manager} is no reference: it must name the person whom others report to`,
    );
  const marks = Object.entries(hidden).map(([role, names]) => [role, sumOfMarks(names)] as const);
  return { hidden: Object.fromEntries(marks), managerAttribute: manager, identityAttribute: identity };
}

/** What only the connector itself knows to be wrong with its object types. */
function checkConnector(agent: Agent, resolution: Resolution): void {
  try {
    createConnector(agent);
  } catch (error) {
    resolution.fault(['agents', agent.name, 'objects'], error instanceof Error ? error.message : String(error));
  }
}

function resolveMetaverseType(
  name: string,
  shape: MetaverseTypeShape,
  agents: string[],
  resolution: Resolution,
): MetaverseType {
  const path = ['metaverse', name];
  const attributes = new Map(
    Object.entries(shape.attributes).map(([attribute, value]): [string, MetaverseAttribute] => {
      const full = typeof value === 'string' ? { type: value, multivalued: false, marks: [] } : value;
      const precedence = 'precedence' in full ? (full.precedence ?? []) : [];
      checkAgents(precedence, agents, [...path, 'attributes', attribute, 'precedence'], resolution);
      if (full.marks.includes('secret') || isSecretAttribute(attribute))
        resolution.fault(
          [...path, 'attributes', attribute],
          `${attribute} is a secret, and secrets are never stored: leave it out`,
        );
      if (RESERVED_NAMES.has(attribute))
        resolution.fault([...path, 'attributes', attribute], reservedMessage(attribute));
      const rest = agents.filter((agent) => !precedence.includes(agent));
      return [
        attribute,
        {
          name: attribute,
          type: full.type,
          multivalued: full.multivalued,
          marks: sumOfMarks(full.marks),
          precedence: [...precedence, ...rest],
        },
      ];
    }),
  );
  resolution.look(attributes, shape.name, [...path, 'name'], 'attribute');
  if (shape.leaving_date !== undefined)
    resolution.look(attributes, shape.leaving_date, [...path, 'leaving_date'], 'attribute');
  if (typeof shape.deletion === 'object')
    checkAgents(shape.deletion.any_of, agents, [...path, 'deletion', 'any_of'], resolution);
  return {
    name,
    about: shape.about,
    nameAttribute: shape.name,
    ...(shape.leaving_date !== undefined && { leavingDateAttribute: shape.leaving_date }),
    attributes,
    deletion: deletionOf(shape.deletion),
  };
}

function deletionOf(shape: MetaverseTypeShape['deletion']): DeletionRule {
  return typeof shape === 'string' ? { when: shape } : { when: 'any-of', agents: shape.any_of };
}

function checkAgents(names: readonly string[], agents: readonly string[], path: Path, resolution: Resolution): void {
  for (const [index, name] of names.entries()) {
    if (!agents.includes(name))
      resolution.fault([...path, index], `there is no agent ${name}; there is ${agents.join(', ') || 'none'}`);
  }
}

function resolveCycleStep(text: string, index: number, agents: ReadonlyMap<string, Agent>, resolution: Resolution) {
  const [agent = '', profile = ''] = text.split('/');
  const found = resolution.look(agents, agent, ['cycle', index], 'agent');
  if (found) resolution.look(found.runProfiles, profile, ['cycle', index], 'run profile', agent);
  return { agent, profile };
}
