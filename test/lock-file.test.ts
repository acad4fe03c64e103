// `npm ci` refuses a lock file that lacks what another platform would install, and npm writes such a lock file where a
// registry does not carry those packages. Found here, before a pipeline finds it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { z } from 'zod';

const lockFile = z.object({
  packages: z.record(
    z.string(),
    z.object({ version: z.string().optional(), optionalDependencies: z.record(z.string(), z.string()).optional() }),
  ),
});

test('the lock file has every optional package of every platform, with its version', () => {
  const text = readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8');
  const { packages } = lockFile.parse(JSON.parse(text));
  const missing = Object.entries(packages).flatMap(([parent, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter(
        (name) => ![`${parent}/node_modules/${name}`, `node_modules/${name}`].some((path) => packages[path]?.version),
      )
      .map((name) => `${parent}: ${name}`),
  );
  assert.deepEqual(missing, []);
});
