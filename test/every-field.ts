// For each root field of a schema an operation that asks for everything below it: every field of every type once on each path.
import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  isAbstractType,
  isNonNullType,
  isObjectType,
} from 'graphql';

export interface EveryField {
  field: string;
  query: string;
  variables: Record<string, unknown>;
}

/** `samples`: what is given to arguments, by their name; those without one are left out, with the field when it needs them. */
export function everyField(
  schema: GraphQLSchema,
  kind: 'Query' | 'Mutation',
  samples: Record<string, unknown>,
): EveryField[] {
  const root = kind === 'Query' ? schema.getQueryType() : schema.getMutationType();
  return Object.values(root?.getFields() ?? {}).map((field) => {
    const used = new Map<string, GraphQLArgument>();
    const selected = select(schema, field, [], samples, used, true);
    const declared = [...used].map(([name, argument]) => `$${name}: ${argument.type}`);
    const variables = Object.fromEntries([...used.keys()].map((name) => [name, samples[name.replace(/_.*/, '')]]));
    const head = declared.length > 0 ? `(${declared.join(', ')})` : '';
    return { field: field.name, query: `${kind.toLowerCase()} ${head} { ${selected} }`, variables };
  });
}

function select(
  schema: GraphQLSchema,
  field: GraphQLField<unknown, unknown>,
  path: readonly GraphQLObjectType[],
  samples: Record<string, unknown>,
  used: Map<string, GraphQLArgument>,
  isRoot = false,
): string | undefined {
  const isNeeded = ({ type, defaultValue }: GraphQLArgument) => isNonNullType(type) && defaultValue === undefined;
  const given = field.args.filter(({ name }) => name in samples);
  const missing = field.args.filter((argument) => isNeeded(argument) && !(argument.name in samples));
  if (missing.length > 0 && !isRoot) return undefined;
  const literals = missing.map((argument) => `${argument.name}: ${literalOf(argument)}`);
  const bound = given.map((argument) => {
    const variable = `${argument.name}_${String(argument.type).replace(/\W/g, '')}${isNonNullType(argument.type) ? 'N' : ''}`;
    used.set(variable, argument);
    return `${argument.name}: $${variable}`;
  });
  const all = [...bound, ...literals];
  const head = all.length > 0 ? `${field.name}(${all.join(', ')})` : field.name;
  const type = getNamedType(field.type);
  if (isAbstractType(type)) {
    // Each under a name of its own: fields of two types that are called alike may not differ.
    const each = schema.getPossibleTypes(type).map((possible) => {
      const fields = Object.values(possible.getFields()).flatMap((below) => {
        const text = select(schema, below, [...path, possible], samples, used);
        return text === undefined ? [] : `${possible.name}_${below.name}: ${text}`;
      });
      return `... on ${possible.name} { ${fields.join(' ')} }`;
    });
    return `${head} { id ${each.join(' ')} }`;
  }
  if (!isObjectType(type)) return head;
  const isLast = path.includes(type) || path.length > 4;
  const below = Object.values(type.getFields()).flatMap((each) =>
    isLast && isObjectType(getNamedType(each.type)) ? [] : (select(schema, each, [...path, type], samples, used) ?? []),
  );
  return below.length > 0 ? `${head} { ${below.join(' ')} }` : undefined;
}

function literalOf({ type }: GraphQLArgument): string {
  const text = String(type);
  if (text.startsWith('[')) return '[]';
  if (/^(Int|Sequence)/.test(text)) return '1';
  return text.startsWith('Boolean') ? 'true' : '"x"';
}
