// The pages ask only what api/schema.graphql answers: the generated types are those of the schema, a field that it does
// not have is a type error, and every operation is valid.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { buildSchema, parse, validate } from 'graphql';
import { z } from 'zod';
import { GENERATED, renderGraphqlTypes } from './dashboards/graphql-types.ts';

const ROOT = join(import.meta.dirname, '..');
const run = promisify(execFile);

test('dashboards/graphql-env.d.ts is generated from the schema as it is', () => {
  // Not compared by assert.equal, which would print both.
  assert.ok(
    readFileSync(GENERATED, 'utf8') === renderGraphqlTypes(),
    'the schema has changed: run `node test/dashboards/graphql-types.ts`',
  );
});

test('every operation of the pages is valid in the schema', async (t) => {
  const schema = buildSchema(readFileSync(join(ROOT, 'api', 'schema.graphql'), 'utf8'));
  const files = readdirSync(join(ROOT, 'dashboards'), { recursive: true, encoding: 'utf8' });
  const queries = files.filter((file) => file.endsWith('-query.ts'));
  assert.ok(queries.length >= 8);
  for (const file of queries) {
    const exported: Record<string, unknown> = await import(join(ROOT, 'dashboards', file));
    for (const [name, value] of Object.entries(exported)) {
      const { text } = z.object({ text: z.string() }).parse(value);
      await t.test(`${name} of ${file}`, () => {
        const errors = validate(schema, parse(text));
        assert.deepEqual(
          errors.map(({ message }) => message),
          [],
        );
      });
    }
  }
});

test('a field that the schema does not have is a type error', async () => {
  assert.equal(await compile('{ log { size watermark } }'), '');
  assert.match(await compile('{ log { size watermarc } }'), /not in api\/schema\.graphql.*"watermarc"/s);
  assert.match(await compile('{ log { size '), /not a GraphQL document/);
});

/** What the compiler says of a file with this operation. */
async function compile(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'operation-'));
  try {
    const operations = join(ROOT, 'dashboards', 'operation.ts');
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    await writeFile(
      join(folder, 'asked.ts'),
      `import { operation } from '${operations}';\nexport const asked = operation('${text}');\n`,
    );
    await writeFile(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ extends: join(ROOT, 'dashboards', 'tsconfig.json'), include: ['asked.ts'] }),
    );
    const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
    const { stdout } = await run(process.execPath, [tsc, '-p', folder]).catch(z.object({ stdout: z.string() }).parse);
    return stdout;
  } finally {
    await rm(folder, { recursive: true });
  }
}
