// Operations typed from api/schema.graphql: gql.tada reads the text of a query at the type level, against the generated
// graphql-env.d.ts. A field that the schema does not have makes the text itself a type error. Types only: at run time an
// operation is its text, so that neither a GraphQL parser nor the schema is shipped to the browser.
import type { initGraphQLTada, ResultOf, VariablesOf } from 'gql.tada';
import type { introspection } from './graphql-env.d.ts';

/** A sequence number as the API writes it; both forms are understood and neither is calculated with. */
export type Sequence = string | number;

type Tada = ReturnType<
  typeof initGraphQLTada<{
    introspection: introspection;
    disableMasking: true;
    scalars: { ID: string; DateTime: string; Sequence: Sequence };
  }>
>;
declare const tada: Tada;
type TadaFragments = NonNullable<Parameters<Tada>[1]>;

/** Never called: what it would return is the type of a document. */
const describeDocument = <const Text extends string, const Used extends TadaFragments>(text: Text, used: Used) =>
  tada(text, used);

/** A GraphQL operation or fragment with the types of its answer and variables. */
export interface Operation<Document> {
  readonly text: string;
  /** Never there; carries the types. */
  readonly document?: Document;
}

export type AnswerOf<Used> = Used extends Operation<infer Document> ? ResultOf<Document> : never;
export type QuestionOf<Used> = Used extends Operation<infer Document> ? VariablesOf<Document> : never;

type DocumentsOf<Used extends readonly Operation<unknown>[]> = {
  [Index in keyof Used]: Used[Index] extends Operation<infer Document> ? Document : never;
};
type DocumentOf<Text extends string, Used extends readonly Operation<unknown>[]> =
  DocumentsOf<Used> extends infer Documents extends TadaFragments
    ? ReturnType<typeof describeDocument<Text, Documents>>
    : never;

/** The names of fields that gql.tada did not find in the schema: their type is unknown. */
type MissingField<Result, Name extends string = 'answer'> = unknown extends Result
  ? Name
  : Result extends readonly (infer Item)[]
    ? MissingField<Item, Name>
    : Result extends object
      ? { [Key in keyof Result & string]: MissingField<Result[Key], Key> }[keyof Result & string]
      : never;

type Checked<Text extends string, Document> = [ResultOf<Document>] extends [never]
  ? { problem: 'not a GraphQL document' }
  : [MissingField<ResultOf<Document>>] extends [never]
    ? Text
    : { problem: 'not in api/schema.graphql'; field: MissingField<ResultOf<Document>> };

/** An operation, or a fragment for others, from its text; `fragments` are those it uses. */
export function operation<const Text extends string, const Used extends readonly Operation<unknown>[] = []>(
  text: Text & Checked<Text, DocumentOf<Text, Used>>,
  fragments?: Used,
): Operation<DocumentOf<Text, Used>> {
  const used = fragments ?? [];
  return { text: [text, ...used.map((fragment) => fragment.text)].join('\n') };
}

/** Of a text; undefined: it is a fragment. */
export function nameOperation(text: string): string | undefined {
  return /^\s*(?:query|mutation) (\w+)/.exec(text)?.[1];
}
