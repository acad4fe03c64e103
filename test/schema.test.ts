import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { lexicographicSortSchema, printSchema } from 'graphql';
import { schema } from '../api/graphql/schema.ts';

const FILE = new URL('../api/schema.graphql', import.meta.url);

test('the committed schema is the one that the service answers by (UPDATE_GOLDEN=1 writes it anew)', () => {
  const printed = `${printSchema(lexicographicSortSchema(schema))}\n`;
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(FILE, printed);
  assert.equal(readFileSync(FILE, 'utf8'), printed);
});
