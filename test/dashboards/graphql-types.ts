// dashboards/graphql-env.d.ts, the schema as types, is generated from api/schema.graphql by the functions behind the
// gql.tada command line: that command line itself needs the compiler API, which TypeScript 7 does not have.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { minifyIntrospection, outputIntrospectionFile } from 'gql.tada/internal';
import { buildSchema, introspectionFromSchema, lexicographicSortSchema } from 'graphql';

const ROOT = join(import.meta.dirname, '..', '..');
const SCHEMA = join(ROOT, 'api', 'schema.graphql');
export const GENERATED = join(ROOT, 'dashboards', 'graphql-env.d.ts');

/** The text that the file has to have for the schema as it is. */
export function renderGraphqlTypes(): string {
  // Sorted, so that only what the schema says matters and not in which order.
  const schema = lexicographicSortSchema(buildSchema(readFileSync(SCHEMA, 'utf8')));
  const introspection = introspectionFromSchema(schema, { descriptions: false });
  return outputIntrospectionFile(minifyIntrospection(introspection), { fileType: '.d.ts', shouldPreprocess: true });
}

if (import.meta.main) writeFileSync(GENERATED, renderGraphqlTypes());
