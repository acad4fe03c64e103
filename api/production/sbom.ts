// `npm run sbom`: the packages that the service runs with, as CycloneDX on stdout, by `npm sbom` of the lock file. Asked to omit
// development, npm leaves out every package that development needs as well, graphql among them (npm 11.19); so it is
// given a lock file without development, and omits nothing.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const manifestSchema = z.looseObject({ name: z.string(), devDependencies: z.unknown().optional() });
const lockSchema = z.looseObject({
  packages: z.record(
    z.string(),
    z.looseObject({ dev: z.boolean().optional(), devDependencies: z.unknown().optional() }),
  ),
});

const read = (file: string): unknown => JSON.parse(readFileSync(path.join(ROOT, file), 'utf8'));

const { devDependencies: _, ...manifest } = manifestSchema.parse(read('package.json'));
const { packages, ...lock } = lockSchema.parse(read('package-lock.json'));
const running = Object.entries(packages)
  .filter(([, { dev }]) => dev !== true)
  .map(([place, { devDependencies: _, ...rest }]) => [place, rest]);

const scratch = mkdtempSync(path.join(tmpdir(), 'metatrail-sbom-'));
try {
  // npm calls the whole by the name of the folder.
  const folder = path.join(scratch, manifest.name);
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest));
  writeFileSync(
    path.join(folder, 'package-lock.json'),
    JSON.stringify({ ...lock, packages: Object.fromEntries(running) }),
  );
  const { status } = spawnSync('npm', ['sbom', '--package-lock-only', '--sbom-format', 'cyclonedx'], {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  process.exitCode = status ?? 1;
} finally {
  rmSync(scratch, { recursive: true });
}
