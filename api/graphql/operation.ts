// An operation as it was sent, read and checked: the same for questions, mutations and what is followed.
import { type DocumentNode, GraphQLError, getOperationAST, OperationTypeNode, validate } from 'graphql';
import { parseQuestion } from './limits.ts';
import { schema } from './schema.ts';

/** The document, or what is wrong with it: malformed, too long, too deep, or not of this schema. */
export function readOperation(text: string): { document: DocumentNode } | { errors: readonly GraphQLError[] } {
  try {
    const document = parseQuestion(text);
    const errors = validate(schema, document);
    return errors.length > 0 ? { errors } : { document };
  } catch (error) {
    return { errors: [error instanceof GraphQLError ? error : new GraphQLError(String(error))] };
  }
}

/** Whether it asks to follow something; false for what cannot be read. */
export function isSubscription(text: string, operationName: string | null | undefined): boolean {
  if (!text.includes('subscription')) return false;
  try {
    return getOperationAST(parseQuestion(text), operationName)?.operation === OperationTypeNode.SUBSCRIPTION;
  } catch (error) {
    if (error instanceof GraphQLError) return false;
    throw error;
  }
}
