// Each tidy rule can fail: it is run over small made-up projects, one that breaks it and one that does not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkBannedCalls } from './tidy/banned-calls.ts';
import { checkDeadFiles } from './tidy/dead-files.ts';
import { checkEnvironmentTable, checkStages } from './tidy/documented.ts';
import { checkEscapes } from './tidy/escapes.ts';
import { checkForbiddenWords } from './tidy/forbidden-words.ts';
import { checkImportTable } from './tidy/import-table.ts';
import { checkMigrations } from './tidy/migrations.ts';
import { checkExportNames, checkFileNames, checkTopFolders } from './tidy/names.ts';
import { makeProject, type Rule } from './tidy/project.ts';
import { checkSizes, MAX_FILE_LINES, MAX_FUNCTION_LINES } from './tidy/sizes.ts';

/** The rule finds exactly these breaches, each told by the words its sentence begins with. */
function assertFindings(rule: Rule, files: Record<string, string>, expected: readonly string[]): void {
  const found = rule(makeProject(files));
  const wrong = found.length !== expected.length || expected.some((start, i) => found[i]?.startsWith(start) !== true);
  assert.ok(!wrong, `expected:\n${expected.join('\n')}\nfound:\n${found.join('\n')}`);
}

test('the import table holds for every form of import', () => {
  const files = { 'api/x.ts': 'export type T = 1;', 'api/queries/q.ts': '', 'ingest/i.ts': '', 'engine/e.ts': '' };
  assertFindings(checkImportTable, { ...files, 'ingest/a.ts': `import { x } from '../api/x.ts';` }, [
    'ingest/a.ts:1 imports api/x.ts',
  ]);
  assertFindings(checkImportTable, { ...files, 'ingest/a.ts': `\nimport '../api/x.ts';` }, [
    'ingest/a.ts:2 imports api/x.ts',
  ]);
  assertFindings(checkImportTable, { ...files, 'engine/a.ts': `export * from '../api/x.ts';` }, ['engine/a.ts:1']);
  assertFindings(checkImportTable, { ...files, 'engine/a.ts': `export { x } from '../api/x.ts';` }, ['engine/a.ts:1']);
  assertFindings(checkImportTable, { ...files, 'engine/a.ts': `import type { T } from '../api/x.ts';` }, [
    'engine/a.ts:1',
  ]);
  assertFindings(checkImportTable, { ...files, 'engine/a.ts': `type T = import('../api/x.ts').T;` }, ['engine/a.ts:1']);
  assertFindings(checkImportTable, { ...files, 'engine/a.ts': `await import(\`../api/x.ts\`);` }, ['engine/a.ts:1']);
  assertFindings(
    checkImportTable,
    { ...files, 'engine/a.ts': `new Worker(new URL('../api/x.ts', import.meta.url));` },
    ['engine/a.ts:1'],
  );
  assertFindings(checkImportTable, { ...files, 'engine/a.ts': `import { x } from '#api/x';` }, [
    'engine/a.ts:1 imports #api/x',
  ]);
});

test('the import table knows each part', () => {
  const files = {
    'ingest/i.ts': '',
    'ingest/verify/v.ts': `import '../i.ts';`,
    'engine/e.ts': `import '../ingest/i.ts'; import '../reports/r.ts';`,
    'api/queries/q.ts': `import '../../ingest/i.ts'; import '../server.ts'; import '../../engine/e.ts';`,
    'reports/r.ts': `import '../api/queries/q.ts'; import '../ingest/i.ts'; import '../api/server.ts';`,
    'api/server.ts': `import './queries/q.ts'; import '../reports/r.ts'; import '../engine/e.ts'; import '../test/t.ts';`,
    'dashboards/main.tsx': `import '../ingest/i.ts'; import '/logo.svg'; import 'react';`,
    'test/t.ts': `import '../api/server.ts'; import '../ingest/verify/v.ts'; import '../engine/e.ts';`,
  };
  assertFindings(checkImportTable, files, [
    'ingest/verify/v.ts:1 imports ingest/i.ts: ingest/verify may import nothing of ours',
    'engine/e.ts:1 imports reports/r.ts: engine may import ingest',
    'api/queries/q.ts:1 imports api/server.ts',
    'api/queries/q.ts:1 imports engine/e.ts',
    'reports/r.ts:1 imports api/server.ts',
    'api/server.ts:1 imports test/t.ts',
    'dashboards/main.tsx:1 imports ingest/i.ts',
  ]);
});

test('a folder and a configuration file named by URL are no imports, and a test may use what serves all tests', () => {
  const named = `new URL('../dashboards/dist/', import.meta.url); new URL('../dashboards/vite.config.ts', import.meta.url);`;
  assertFindings(checkImportTable, { 'api/x.ts': named, 'dashboards/vite.config.ts': '' }, []);
  const files = {
    'test/require-tool.ts': '',
    'engine/x.test.ts': `import '../test/require-tool.ts'; import './x.ts';`,
  };
  assertFindings(checkImportTable, files, []);
  assertFindings(checkImportTable, { ...files, 'engine/x.ts': `import '../test/require-tool.ts';` }, ['engine/x.ts:1']);
});

test('a file and a function that are too long are found, a chapter of a test is not', () => {
  const lines = (count: number): string => '\n'.repeat(count - 1);
  assertFindings(checkSizes, { 'engine/a.ts': lines(MAX_FILE_LINES + 1) }, []);
  assertFindings(checkSizes, { 'engine/a.ts': `${lines(MAX_FILE_LINES + 1)}x;` }, [
    `engine/a.ts has ${MAX_FILE_LINES + 1} lines`,
  ]);
  const body = (count: number): string => `{${lines(count)}}`;
  assertFindings(checkSizes, { 'engine/a.ts': `function decide() ${body(MAX_FUNCTION_LINES)}` }, []);
  const long = body(MAX_FUNCTION_LINES + 1);
  assertFindings(checkSizes, { 'engine/a.ts': `function decide() ${long}` }, ['engine/a.ts:1 decide has 71 lines']);
  assertFindings(checkSizes, { 'engine/a.ts': `\nconst decide = () => ${long};` }, [
    'engine/a.ts:2 decide has 71 lines',
  ]);
  assertFindings(checkSizes, { 'engine/a.ts': `class A { decide() ${long} }` }, ['engine/a.ts:1 decide has 71 lines']);
  assertFindings(checkSizes, { 'test/a.test.ts': `test('x', () => ${long});` }, [
    'test/a.test.ts:1 the function given to test',
  ]);
  assertFindings(checkSizes, { 'test/a.test.ts': `describe('x', () => ${long});` }, []);
});

test('what hangs on the moment or the machine is found outside its home, however it is written', () => {
  const find = (text: string, expected: readonly string[]): void =>
    assertFindings(checkBannedCalls, { 'engine/a.ts': text }, expected);
  find('Date.now();', ['engine/a.ts:1 uses Date.now']);
  find(`const now = Date['now'];`, ['engine/a.ts:1 uses Date.now']);
  find('globalThis.Date.now();', ['engine/a.ts:1 uses Date.now']);
  find('const { now } = Date;', ['engine/a.ts:1 uses Date.now']);
  find('new Date();', ['engine/a.ts:1 uses new Date()']);
  find('new Date; Date();', ['engine/a.ts:1 uses new Date()', 'engine/a.ts:1 uses new Date()']);
  find('new Date(0); Date.parse("2026-01-01"); // Date.now()', []);
  find('\nMath.random();', ['engine/a.ts:2 uses Math.random']);
  find('process.env.PORT;', ['engine/a.ts:1 uses process.env']);
  find(`import { env } from 'node:process';`, ['engine/a.ts:1 uses process.env']);
  find('const { env } = process; process.exit();', ['engine/a.ts:1 uses process.env']);
  find('console.log(1);', ['engine/a.ts:1 uses console.log']);
  find(`'console.log(1)';`, []);
});

test('in its home each of them may be used', () => {
  const homes = {
    'ingest/clock.ts': 'Date.now();',
    'dashboards/age.ts': 'new Date();',
    'api/environment.ts': 'process.env.PORT;',
    'api/command-line/status.ts': 'console.log(1);',
    'api/metatrail.ts': 'console.log(1);',
    'test/run.ts': 'console.log(process.env.CI);',
    'engine/x.test.ts': 'Date.now(); Math.random();',
  };
  assertFindings(checkBannedCalls, homes, []);
  assertFindings(checkBannedCalls, { 'dashboards/a.ts': 'Math.random();' }, ['dashboards/a.ts:1 uses Math.random']);
  assertFindings(checkBannedCalls, { 'test/a.test.ts': 'console.log();' }, ['test/a.test.ts:1 uses console.log']);
});

test('ways around the compiler are found', () => {
  const find = (text: string, expected: readonly string[]): void =>
    assertFindings(checkEscapes, { 'api/a.ts': text }, expected);
  find('let x: any;', ['api/a.ts:1 says any']);
  find('const x = y as any;', ['api/a.ts:1 says as any']);
  find('function f(x: Record<string, any>) {}', ['api/a.ts:1 says any']);
  find(`// any word as any comment\nconst any = 'as any';`, []);
  // The words are put together here, or the rule would find this file.
  find(`// ${'@ts-'}ignore\nx;`, ['api/a.ts:1 has @ts-ignore']);
  find(`x;\n/* ${'@ts-'}expect-error */`, ['api/a.ts:2 has @ts-expect-error']);
});

test('folders outside the house and names that say nothing are found', () => {
  assertFindings(checkTopFolders, { 'src/a.ts': '', 'engine/a.ts': '', '.ci/run': '', 'data/x': '' }, [
    'src/ is not a folder',
  ]);
  const expected = [
    'api/utils/a.ts: utils says',
    'engine/index.ts: index says',
    'engine/helpers.test.ts: helpers',
    'engine/runSteps.ts',
  ];
  const files = [
    'api/utils/a.ts',
    'engine/index.ts',
    'engine/helpers.test.ts',
    'engine/runSteps.ts',
    'engine/run-steps.test.ts',
  ];
  assertFindings(checkFileNames, Object.fromEntries(files.map((path) => [path, ''])), expected);
  assertFindings(checkFileNames, { 'dashboards/index.html': '', 'reports/manager-report.ts': '' }, []);
});

test('default exports and the words of other products are found', () => {
  const find = (text: string, expected: readonly string[]): void =>
    assertFindings(checkExportNames, { 'api/a.ts': text }, expected);
  find('export default 1;', ['api/a.ts:1 has a default export']);
  find('const a = 1;\nexport { a as default };', ['api/a.ts:2 has a default export']);
  find('export const shadow = 1;', ['api/a.ts:1 exports shadow: for shadow we say entry']);
  find('export interface GoldenRecord {}', ['api/a.ts:1 exports GoldenRecord']);
  find('export function applyPatch() {}', ['api/a.ts:1 exports applyPatch']);
  find('export const GOLDEN_RECORD = 1;', ['api/a.ts:1 exports GOLDEN_RECORD']);
  find('export const dispatched = 1; const patch = 2;', []);
  assertFindings(checkExportNames, { 'dashboards/vite.config.ts': 'export default {};' }, []);
});

test('a file that nothing started or tested reaches is dead', () => {
  const files = {
    'api/metatrail.ts': `import '../engine/a.ts'; new Worker(new URL('./worker.ts', import.meta.url));`,
    'api/worker.ts': `const f = join(import.meta.dirname, 'forked.ts');`,
    'api/forked.ts': '',
    'engine/a.ts': `export * from './b.ts';`,
    'engine/b.ts': '',
    'engine/tested.test.ts': `await import('./tested.ts');`,
    'engine/tested.ts': '',
    'ingest/verify/cli.ts': '',
    'package.json': '{"bin":{"check":"./ingest/verify/cli.ts"}}',
    'dashboards/page.tsx': '',
  };
  assertFindings(checkDeadFiles, files, []);
  assertFindings(checkDeadFiles, { ...files, 'engine/c.ts': '' }, ['engine/c.ts is dead']);
  assertFindings(checkDeadFiles, { ...files, 'dashboards/main.tsx': '' }, ['dashboards/page.tsx is dead']);
  assertFindings(checkDeadFiles, { ...files, 'package.json': '{}' }, ['ingest/verify/cli.ts is dead']);
});

test('migrations with a gap, without IF NOT EXISTS or without a deduplication window are found', () => {
  const folder = 'ingest/clickhouse/migrations';
  const table =
    'CREATE TABLE IF NOT EXISTS t (a UInt8) ENGINE = MergeTree ORDER BY a SETTINGS non_replicated_deduplication_window = 100';
  const find = (text: string, expected: readonly string[]): void => {
    assertFindings(checkMigrations, { [`${folder}/0001-first.sql`]: text }, expected);
  };
  find(
    `-- CREATE TABLE x\n${table};\nDROP VIEW IF EXISTS v; CREATE OR REPLACE VIEW v AS SELECT ';CREATE TABLE y' FROM t;`,
    [],
  );
  find('CREATE TABLE t (a UInt8) ENGINE = Memory', [`${folder}/0001-first.sql: "CREATE TABLE t (a UInt8)`]);
  find('CREATE MATERIALIZED VIEW v TO t AS SELECT 1', [`${folder}/0001-first.sql: "CREATE MATERIALIZED`]);
  find('CREATE TABLE IF NOT EXISTS t (a UInt8) ENGINE = SummingMergeTree() ORDER BY a', [`${folder}/0001-first.sql`]);
  find(table.replace('MergeTree', 'ReplacingMergeTree'), [`${folder}/0001-first.sql`]);
  find('DROP TABLE t', [`${folder}/0001-first.sql`]);
  find('ALTER TABLE t ADD COLUMN IF NOT EXISTS b UInt8, ADD INDEX i b TYPE minmax', [`${folder}/0001-first.sql`]);
  const named = (...names: string[]): Record<string, string> =>
    Object.fromEntries(names.map((name) => [`${folder}/${name}`, table]));
  assertFindings(checkMigrations, named('0001-a.sql', '0002-b-c.sql'), []);
  assertFindings(checkMigrations, named('0001-a.sql', '0003-b.sql'), [
    `${folder}/0003-b.sql: the number should be 0002`,
  ]);
  assertFindings(checkMigrations, named('0001-a.sql', '0001-b.sql'), [
    `${folder}/0001-b.sql: the number should be 0002`,
  ]);
  assertFindings(checkMigrations, named('1-a.sql'), [`${folder}/1-a.sql: a migration is named`]);
});

test('a variable without a row, and a row without a variable, are found', () => {
  const environment = `const schema = z.object({ PORT: z.string() }); process.env['METATRAIL_DATA']; process.env.HOME;`;
  const table = '| variable | meaning |\n|---|---|\n| `PORT` | x |\n| `METATRAIL_DATA` | y |\n';
  assertFindings(checkEnvironmentTable, { 'api/environment.ts': environment, 'README.md': table }, []);
  assertFindings(checkEnvironmentTable, { 'api/environment.ts': environment, 'README.md': table.slice(0, -25) }, [
    'api/environment.ts reads METATRAIL_DATA',
  ]);
  const more = { 'api/environment.ts': environment, 'README.md': `${table}| \`CLICKHOUSE_URL\` | z |\n` };
  assertFindings(checkEnvironmentTable, more, ['README.md describes CLICKHOUSE_URL']);
  assertFindings(checkEnvironmentTable, { ...more, 'test/a.ts': 'process.env.CLICKHOUSE_URL;' }, []);
});

test('a stage that is emitted and not described is found', () => {
  const files = {
    'ingest/event.ts': `export const STAGES = ['import', 'join', 'recall'] as const;`,
    'ingest/README.md': 'The stage `import` reads.',
    'engine/a.ts': `emit({ stage: 'import' }); emit({ stage: found ? 'join' : 'import' }); emit({ stage: other, operation: 'recall' });`,
    'engine/a.test.ts': `emit({ stage: 'recall' });`,
  };
  assertFindings(checkStages, files, ['engine/a.ts emits the stage join']);
  assertFindings(checkStages, { ...files, 'ingest/README.md': '`import`, `join`' }, []);
});

test('text that speaks of something else than the project is found', () => {
  // Put together here, or the rule would find this file.
  const word = ['', 'work', 'main'].join('/');
  assertFindings(checkForbiddenWords, { 'README.md': `# x\nsee ${word}` }, ['README.md:2 says']);
  const data = ['shared', 'data'].join('/');
  assertFindings(checkForbiddenWords, { '.ci/run': `cd ../${data}`, 'api/a.ts': `'../${data}';` }, ['api/a.ts:1 says']);
  assertFindings(checkForbiddenWords, { 'README.md': 'The network/worker folder is shared, data is not.' }, []);
});
