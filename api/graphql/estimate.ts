// How much a question may cost, estimated before anything is asked: the things of its answer. A list gives as many as its `first`
// says, and the lists in each of these as many each.
import {
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLField,
  type GraphQLOutputType,
  getNamedType,
  getNullableType,
  getOperationAST,
  isCompositeType,
  isInterfaceType,
  isListType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import type { Asked } from '../reads/questions.ts';

/** As many as an answer has rows at most (queries/context.ts). The pages of the web application and the tools of an assistant stay below a fifth of it. */
export const MOST_THINGS = 200_000;
/** Of a list that takes no `first`: the values of a change, the steps of a run, the causes. */
const USUAL_LIST = 10;
/** The rows of a connection, whose `first` is given one level above. */
const ROWS = new Set(['nodes', 'edges']);

/** The refusal of a question whose estimate is beyond the limit. */
export function refuseCostly(asked: Asked): GraphQLError | undefined {
  const things = estimate(asked);
  if (things <= MOST_THINGS) return undefined;
  const [told, most] = [things, MOST_THINGS].map((number) => number.toLocaleString('en'));
  return new GraphQLError(
    `The question could give ${told} things, and one may give ${most}; ask for shorter lists (first), for fewer of them within one another, or in parts.`,
    { extensions: { code: 'COST_LIMIT' } },
  );
}

/** How many things a valid operation could give; what directives leave out is counted as well. */
export function estimate({ schema, document, operationName, variables }: Asked): number {
  const operation = getOperationAST(document, operationName);
  const root = operation && schema.getRootType(operation.operation);
  if (!operation || !root) return 0;
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions)
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  /** `rows`: of the connection that these selections are of. */
  const countAll = (set: SelectionSetNode, type: GraphQLOutputType, rows: number): number =>
    set.selections.reduce((sum, selection) => {
      if (selection.kind === Kind.FIELD) return sum + countField(selection, type, rows);
      const fragment = selection.kind === Kind.INLINE_FRAGMENT ? selection : fragments.get(selection.name.value);
      const condition = fragment?.typeCondition && schema.getType(fragment.typeCondition.name.value);
      return fragment
        ? sum + countAll(fragment.selectionSet, isCompositeType(condition) ? condition : type, rows)
        : sum;
    }, 0);
  const countField = (node: FieldNode, parent: GraphQLOutputType, rows: number): number => {
    const field = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[node.name.value] : undefined;
    // Of what describes the schema itself only the depth is bounded, by a rule of its own: it is no question to the log.
    if (!field || !node.selectionSet) return 0;
    const first = firstOf(node, field, operation, variables);
    const isList = isListType(getNullableType(field.type));
    const size = isList ? (first ?? (ROWS.has(field.name) ? rows : USUAL_LIST)) : 1;
    return size * (1 + countAll(node.selectionSet, getNamedType(field.type), first ?? USUAL_LIST));
  };
  return countAll(operation.selectionSet, root, USUAL_LIST);
}

/** What `first` says, or would say by itself; undefined: the field takes none. One that is no number is refused later. */
function firstOf(
  node: FieldNode,
  { args }: GraphQLField<unknown, unknown>,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): number | undefined {
  const argument = args.find(({ name }) => name === 'first');
  if (!argument) return undefined;
  const usual = typeof argument.defaultValue === 'number' ? argument.defaultValue : USUAL_LIST;
  const given = node.arguments?.find(({ name }) => name.value === 'first')?.value;
  if (given?.kind === Kind.INT) return Math.max(1, Number(given.value));
  if (given?.kind !== Kind.VARIABLE) return usual;
  const { value: name } = given.name;
  const bound = variables[name];
  if (typeof bound === 'number') return Math.max(1, bound);
  const declared = operation.variableDefinitions?.find(({ variable }) => variable.name.value === name)?.defaultValue;
  return declared?.kind === Kind.INT ? Math.max(1, Number(declared.value)) : usual;
}
