// Which questions a GraphQL operation asks: its root fields, each with the parameters given to it and to the fields below.
import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLArgument,
  GraphQLIncludeDirective,
  type GraphQLInputType,
  type GraphQLObjectType,
  type GraphQLSchema,
  GraphQLSkipDirective,
  getArgumentValues,
  getDirectiveValues,
  getNamedType,
  getOperationAST,
  getVariableValues,
  isAbstractType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  OperationTypeNode,
  type SelectionSetNode,
} from 'graphql';
import { isSecretAttribute } from '../../engine/secrets.ts';
import { formatIso } from '../../ingest/clock.ts';
import type { Parameter } from './read-event.ts';

/**
 * Root fields that tell nothing of what the log is about: how far it is (as /health does), what is signed and proved of it
 * (hashes), and which reports there are.
 * Of `agents` only their last run is in the log; the rest is the configuration, which every page with a filter asks for.
 */
const NO_DATA = new Set([
  ...['__typename', '__schema', '__type', 'log', 'reports', 'viewer'],
  ...['checkpoint', 'checkpointKeys', 'inclusionProof', 'consistencyProof', 'tombstones'],
]);

/**
 * Names that a certificate of erasure is asked for with stand in no event: they would be found by the next search, and the
 * certificate could never be issued.
 */
const NAMES_OF_THE_ERASED = 'certifyErasure/names';

/** One row each, whatever is told of them. */
const ONE_ROW = new Set(['Change', 'Run']);

export interface Question {
  /** The name of its answer. */
  key: string;
  field: string;
  /** The fields of the answer that were asked for. */
  fields: string[];
  parameters: Parameter[];
  /**
   * How many rows its answer tells: the items of the outermost lists of things; without any, one, or none where there is
   * nothing.
   */
  countRows: (answer: unknown) => number;
}

export interface Asked {
  schema: GraphQLSchema;
  document: DocumentNode;
  operationName?: string | null | undefined;
  /** As they were sent. */
  variables: Readonly<Record<string, unknown>>;
}

/**
 * The questions about data in a valid operation, and what a mutation would have done: it tells data too, if only in its
 * refusal. None when its variables do not fit, for then nothing is asked.
 */
export function questionsOf({ schema, document, operationName, variables }: Asked): Question[] {
  const operation = getOperationAST(document, operationName);
  const root = operation && schema.getRootType(operation.operation);
  if (!root) return [];
  const { coerced } = getVariableValues(schema, operation.variableDefinitions ?? [], variables);
  if (!coerced) return [];
  const walk = new Walk(schema, document, coerced);
  return [...walk.group([operation.selectionSet], root)]
    .filter(([, [first]]) => first !== undefined && !NO_DATA.has(first.name.value))
    .map(([key, nodes]) => walk.question(key, nodes, root))
    .filter(({ field, fields }) => field !== 'agents' || fields.includes('lastRun'));
}

/** The root fields that a valid operation asks for or does, each once. */
export function rootFieldsOf(asked: Asked): { kind: OperationTypeNode; fields: string[] } {
  const { schema, document, operationName, variables } = asked;
  const operation = getOperationAST(document, operationName);
  const root = operation && schema.getRootType(operation.operation);
  if (!operation || !root) return { kind: OperationTypeNode.QUERY, fields: [] };
  const { coerced } = getVariableValues(schema, operation.variableDefinitions ?? [], variables);
  const groups = new Walk(schema, document, coerced ?? {}).group([operation.selectionSet], root);
  return {
    kind: operation.operation,
    fields: [...new Set([...groups.values()].map(([node]) => node?.name.value ?? ''))],
  };
}

class Walk {
  readonly #schema: GraphQLSchema;
  readonly #variables: Record<string, unknown>;
  readonly #fragments = new Map<string, FragmentDefinitionNode>();

  constructor(schema: GraphQLSchema, document: DocumentNode, variables: Record<string, unknown>) {
    this.#schema = schema;
    this.#variables = variables;
    for (const definition of document.definitions)
      if (definition.kind === Kind.FRAGMENT_DEFINITION) this.#fragments.set(definition.name.value, definition);
  }

  question(key: string, nodes: readonly FieldNode[], root: GraphQLObjectType): Question {
    const below = this.#below(nodes, root).flatMap(({ groups }) => [...groups.values()]);
    return {
      key,
      field: nodes[0]?.name.value ?? '',
      fields: [...new Set(below.map(([node]) => node?.name.value ?? ''))],
      parameters: this.#parameters(nodes, root, []),
      countRows: (answer) => (answer === null || answer === undefined ? 0 : (this.#count(answer, nodes, root) ?? 1)),
    };
  }

  /** The rows of an answer; undefined: there is no list in it. */
  #count(answer: unknown, nodes: readonly FieldNode[], parent: GraphQLObjectType): number | undefined {
    const [below, other] = this.#below(nodes, parent);
    if (!below || typeof answer !== 'object' || answer === null) return undefined;
    if (Array.isArray(answer)) return answer.length;
    // Of one of several types: what is asked for by its id.
    if (other || ONE_ROW.has(below.type.name)) return 1;
    const told = new Map<string, unknown>(Object.entries(answer));
    const counts = [...below.groups].flatMap(([key, each]) => this.#count(told.get(key), each, below.type) ?? []);
    // The rows of a page are there twice, with their cursors and without.
    const isPage = below.type.name.endsWith('Connection');
    return counts.length === 0
      ? undefined
      : counts.reduce((sum, count) => (isPage ? Math.max(sum, count) : sum + count), 0);
  }

  /** The fields of some selections, those of one name together, as they are answered together. */
  group(sets: readonly SelectionSetNode[], type: GraphQLObjectType): Map<string, FieldNode[]> {
    const groups = new Map<string, FieldNode[]>();
    for (const set of sets) this.#collect(set, type, groups);
    return groups;
  }

  #collect(set: SelectionSetNode, type: GraphQLObjectType, groups: Map<string, FieldNode[]>): void {
    for (const selection of set.selections) {
      if (getDirectiveValues(GraphQLSkipDirective, selection, this.#variables)?.if === true) continue;
      if (getDirectiveValues(GraphQLIncludeDirective, selection, this.#variables)?.if === false) continue;
      if (selection.kind === Kind.FIELD) {
        const key = selection.alias?.value ?? selection.name.value;
        groups.set(key, [...(groups.get(key) ?? []), selection]);
      } else {
        const fragment =
          selection.kind === Kind.INLINE_FRAGMENT ? selection : this.#fragments.get(selection.name.value);
        if (fragment && this.#isOf(type, fragment.typeCondition?.name.value))
          this.#collect(fragment.selectionSet, type, groups);
      }
    }
  }

  /** Whether a fragment on `condition` is asked of an object of this type. */
  #isOf(type: GraphQLObjectType, condition: string | undefined): boolean {
    if (condition === undefined || condition === type.name) return true;
    const other = this.#schema.getType(condition);
    return isAbstractType(other) && this.#schema.isSubType(other, type);
  }

  /** What is asked of the answer to a field, of each type that it may have. */
  #below(nodes: readonly FieldNode[], parent: GraphQLObjectType) {
    const field = parent.getFields()[nodes[0]?.name.value ?? ''];
    const type = field && getNamedType(field.type);
    const types = isAbstractType(type) ? this.#schema.getPossibleTypes(type) : isObjectType(type) ? [type] : [];
    const sets = nodes.flatMap(({ selectionSet }) => selectionSet ?? []);
    return types.map((each) => ({ type: each, groups: this.group(sets, each) }));
  }

  /** Those of a field and, under its path, of the fields below. */
  #parameters(nodes: readonly FieldNode[], parent: GraphQLObjectType, path: readonly string[]): Parameter[] {
    const [node] = nodes;
    const field = node && parent.getFields()[node.name.value];
    if (!node || !field) return [];
    const given = getArgumentValues(field, node, this.#variables);
    const own = field.args
      .flatMap((argument) => readArgument(argument, given[argument.name], path))
      .map((parameter) =>
        `${field.name}/${parameter.name}` === NAMES_OF_THE_ERASED && parameter.text !== '[]'
          ? { ...parameter, withheld: true }
          : parameter,
      );
    const below = this.#below(nodes, parent).flatMap(({ type, groups }) =>
      // By the name of the field: what else it is called is the caller's to choose, and may be anything.
      [...groups.values()].flatMap((each) => this.#parameters(each, type, [...path, each[0]?.name.value ?? ''])),
    );
    return [...own, ...below];
  }
}

type Named = Pick<GraphQLArgument, 'name' | 'type'>;

function readArgument({ name, type }: Named, value: unknown, path: readonly string[]): Parameter[] {
  if (value === null || value === undefined) return [];
  const full = [...path, name];
  const bare: GraphQLInputType = isNonNullType(type) ? type.ofType : type;
  if (isListType(bare)) return [{ name: full.join('/'), type: 'string', text: JSON.stringify(value) }];
  if (!isInputObjectType(bare)) return [{ name: full.join('/'), ...readScalar(bare.name, value) }];
  const fields = new Map(Object.entries(value));
  // Who asks for the changes of a password by its value has typed that password.
  const attribute = fields.get('attribute');
  const isSecret = typeof attribute === 'string' && isSecretAttribute(attribute);
  return Object.values(bare.getFields()).flatMap((field) =>
    readArgument(field, fields.get(field.name), full).map((parameter) =>
      isSecret && field.name === 'value' ? { ...parameter, withheld: true } : parameter,
    ),
  );
}

function readScalar(type: string, value: unknown): Omit<Parameter, 'name'> {
  if (type === 'DateTime' && typeof value === 'number') return { type: 'time', text: formatIso(value) };
  if (type === 'Sequence' || type === 'Int') return { type: 'integer', text: String(value) };
  if (type === 'Boolean') return { type: 'boolean', text: String(value) };
  return { type: type === 'ID' ? 'id' : 'string', text: String(value) };
}
