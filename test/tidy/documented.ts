// What the documents must name because the program knows it: variables of the environment, and stages of change events.
import { isCode, isTest, type Project } from './project.ts';
import { parseSource, readPropertyName, readString, walk } from './source.ts';

const ENVIRONMENT = 'api/environment.ts';
const EVENT = 'ingest/event.ts';
/** A variable of ours: which ones the table of the README must hold. */
const VARIABLE = /^(METATRAIL_[A-Z0-9_]+|CLICKHOUSE_[A-Z0-9_]+|PORT)$/;

/** Each variable that api/environment.ts reads stands in a table of README.md, and the other way round. */
export function checkEnvironmentTable(project: Project): string[] {
  const environment = project.files.get(ENVIRONMENT);
  const readme = project.files.get('README.md');
  if (environment === undefined || readme === undefined) return [];
  const read = listVariables(ENVIRONMENT, environment);
  const tests = [...project.files].filter(([path]) => isCode(path) && isTest(path));
  const readByTests = new Set(tests.flatMap(([path, text]) => [...listVariables(path, text)]));
  const rows = readme.matchAll(/^\|\s*`([A-Z][A-Z0-9_]*)`/gm);
  const described = new Set([...rows].map(([, name = '']) => name).filter((name) => VARIABLE.test(name)));
  return [
    ...[...read]
      .filter((name) => !described.has(name))
      .map((name) => `${ENVIRONMENT} reads ${name}, README.md has no row for it`),
    ...[...described]
      .filter((name) => !read.has(name) && !readByTests.has(name))
      .map((name) => `README.md describes ${name}, ${ENVIRONMENT} does not read it`),
  ];
}

/** Each stage of an event that some file emits is described in ingest/README.md. */
export function checkStages(project: Project): string[] {
  const event = project.files.get(EVENT);
  const readme = project.files.get('ingest/README.md');
  if (event === undefined || readme === undefined) return [];
  const stages = listStages(event);
  const files = [...project.files].filter(([path]) => isCode(path) && !isTest(path) && path !== EVENT);
  return files.flatMap(([path, text]) =>
    [...listEmitted(path, text)]
      .filter((stage) => stages.has(stage) && !readme.includes(`\`${stage}\``))
      .map((stage) => `${path} emits the stage ${stage}, ingest/README.md does not describe it`),
  );
}

/** Names like METATRAIL_DATA, whether written as a property, a key or a string. */
function listVariables(path: string, text: string): Set<string> {
  const found = new Set<string>();
  walk(parseSource(path, text).parsed.program, (node) => {
    const name = node.type === 'Identifier' ? node.name : (readString(node) ?? readPropertyName(node));
    if (name !== undefined && VARIABLE.test(name)) found.add(name);
  });
  return found;
}

/** The strings of the array STAGES. */
function listStages(text: string): Set<string> {
  const found = new Set<string>();
  walk(parseSource(EVENT, text).parsed.program, (node) => {
    if (node.type !== 'VariableDeclarator' || node.id.type !== 'Identifier' || node.id.name !== 'STAGES') return;
    walk(node, (inner) => {
      const stage = readString(inner);
      if (stage !== undefined) found.add(stage);
    });
  });
  return found;
}

/** The strings that a property `stage` is given, also those of a choice. */
function listEmitted(path: string, text: string): Set<string> {
  const found = new Set<string>();
  walk(parseSource(path, text).parsed.program, (node) => {
    if (node.type !== 'Property' || node.key.type !== 'Identifier' || node.key.name !== 'stage') return;
    walk(node.value, (inner) => {
      const stage = readString(inner);
      if (stage !== undefined) found.add(stage);
    });
  });
  return found;
}
