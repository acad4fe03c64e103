// The rules of CONTRIBUTING.md that a machine can keep, over the whole repository.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkBannedCalls } from './tidy/banned-calls.ts';
import { checkDeadFiles } from './tidy/dead-files.ts';
import { checkEnvironmentTable, checkStages } from './tidy/documented.ts';
import { checkEscapes } from './tidy/escapes.ts';
import { checkForbiddenWords } from './tidy/forbidden-words.ts';
import { checkImportTable } from './tidy/import-table.ts';
import { checkMigrations } from './tidy/migrations.ts';
import { checkExportNames, checkFileNames, checkTopFolders } from './tidy/names.ts';
import { type Rule, readProject } from './tidy/project.ts';
import { checkSizes } from './tidy/sizes.ts';

const project = readProject(join(import.meta.dirname, '..'));

const RULES: Readonly<Record<string, Rule>> = {
  'each part imports only what the import table allows': checkImportTable,
  'no file and no function is longer than one can read': checkSizes,
  'clock, chance, environment and console are used in their homes only': checkBannedCalls,
  'nobody goes around the compiler': checkEscapes,
  'only the folders of the house exist': checkTopFolders,
  'files are named after what is in them': checkFileNames,
  'exports have names, in our own words': checkExportNames,
  'no file is dead': checkDeadFiles,
  'migrations are contiguous, idempotent and deduplicating': checkMigrations,
  'every environment variable stands in the README, and no other': checkEnvironmentTable,
  'every stage that is emitted is described': checkStages,
  'the text speaks of the project alone': checkForbiddenWords,
};

test('the rules look at the repository itself', () => {
  assert.ok(project.files.has('package.json') && project.files.has('ingest/event.ts') && project.files.has('.ci/run'));
});

for (const [name, rule] of Object.entries(RULES)) {
  test(name, () => {
    const found = rule(project);
    assert.ok(found.length === 0, `\n${found.join('\n')}\n`);
  });
}
