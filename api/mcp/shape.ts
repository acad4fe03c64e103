// The form of a tool's answer, made of its document and the schema: what the schema says of a field is what the assistant is told.
import {
  type FieldNode,
  type GraphQLNamedType,
  type GraphQLOutputType,
  isEnumType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  parse,
  type SelectionSetNode,
} from 'graphql';
import { z } from 'zod';
import { schema } from '../graphql/schema.ts';

/** The root field of a document, and the form of its answer. Throws on a document that does not fit the schema. */
export function shapeOf(document: string): { field: string; shape: z.ZodType } {
  const [operation] = parse(document).definitions;
  const query = schema.getQueryType();
  if (operation?.kind !== Kind.OPERATION_DEFINITION || !query) throw new Error('The document asks nothing.');
  const [node] = fieldsOf(operation.selectionSet);
  const field = node && query.getFields()[node.name.value];
  if (!node || !field) throw new Error(`The document asks for a field that is not there: ${node?.name.value}.`);
  return { field: field.name, shape: typeOf(field.type, node.selectionSet) };
}

function fieldsOf({ selections }: SelectionSetNode): FieldNode[] {
  return selections.filter((selection) => selection.kind === Kind.FIELD);
}

function typeOf(type: GraphQLOutputType, selections: SelectionSetNode | undefined): z.ZodType {
  if (!isNonNullType(type)) return present(type, selections).nullable();
  return present(type.ofType, selections);
}

function present(type: GraphQLOutputType, selections: SelectionSetNode | undefined): z.ZodType {
  if (isNonNullType(type)) return present(type.ofType, selections);
  if (isListType(type)) return z.array(typeOf(type.ofType, selections));
  return named(type, selections);
}

function named(type: GraphQLNamedType, selections: SelectionSetNode | undefined): z.ZodType {
  if (isObjectType(type) && selections) {
    const fields = type.getFields();
    return z.object(
      Object.fromEntries(
        fieldsOf(selections).map(({ name: { value: name }, selectionSet }) => {
          const field = fields[name];
          if (!field) throw new Error(`${type.name} has no field ${name}.`);
          const shape = typeOf(field.type, selectionSet);
          return [name, field.description ? shape.describe(field.description) : shape];
        }),
      ),
    );
  }
  if (isEnumType(type)) return z.string();
  return SCALARS[type.name] ?? z.string();
}

const SCALARS: Readonly<Record<string, z.ZodType>> = {
  Boolean: z.boolean(),
  Int: z.number().int(),
  Float: z.number(),
  Sequence: z.number().int(),
};
