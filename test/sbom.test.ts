// The list of packages that a release comes with has each that the service is installed with, and no other.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';

const ROOT = join(import.meta.dirname, '..');

const billSchema = z.looseObject({
  bomFormat: z.literal('CycloneDX'),
  metadata: z.looseObject({ component: z.looseObject({ name: z.string(), version: z.string() }) }),
  components: z.array(
    z.looseObject({
      purl: z.string(),
      hashes: z.array(z.object({ alg: z.string(), content: z.string() })).optional(),
    }),
  ),
});
const lockSchema = z.object({
  packages: z.record(
    z.string(),
    z.object({
      version: z.string().optional(),
      dev: z.boolean().optional(),
      integrity: z.string().optional(),
    }),
  ),
});
const manifestSchema = z.object({
  name: z.string(),
  version: z.string(),
  dependencies: z.record(z.string(), z.string()),
  devDependencies: z.record(z.string(), z.string()),
});

test('npm run sbom lists each package of the lock file that is not for development, with its hash', () => {
  const { stdout, stderr, status } = spawnSync('npm', ['run', '--silent', 'sbom'], { cwd: ROOT, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  const { metadata, components } = billSchema.parse(JSON.parse(stdout));
  const read = (file: string): unknown => JSON.parse(readFileSync(join(ROOT, file), 'utf8'));
  const manifest = manifestSchema.parse(read('package.json'));
  assert.deepEqual([metadata.component.name, metadata.component.version], [manifest.name, manifest.version]);
  const wanted = new Map<string, string | undefined>();
  for (const [place, { version, dev, integrity }] of Object.entries(
    lockSchema.parse(read('package-lock.json')).packages,
  ))
    if (place !== '' && dev !== true) wanted.set(purlOf(place, version ?? ''), integrity);
  const listed = new Map(components.map(({ purl, hashes = [] }) => [purl, hashes]));
  assert.deepEqual([...listed.keys()].sort(), [...wanted.keys()].sort());
  for (const [name, version] of Object.entries(manifest.dependencies))
    assert.ok(listed.has(purlOf(name, version)), `${name} is needed, and not listed`);
  const typescript = purlOf('typescript', manifest.devDependencies.typescript ?? '');
  assert.equal(listed.has(typescript), false, 'what development alone needs is not listed');
  for (const [purl, integrity] of wanted)
    if (integrity !== undefined)
      assert.equal(
        listed.get(purl)?.[0]?.content,
        Buffer.from(integrity.replace(/^sha512-/, ''), 'base64').toString('hex'),
        purl,
      );
});

/** pkg:npm/%40scope/name@version */
function purlOf(place: string, version: string): string {
  const name = place.split('node_modules/').at(-1) ?? place;
  return `pkg:npm/${name.replace('@', '%40')}@${version}`;
}
