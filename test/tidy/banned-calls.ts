// What makes a program depend on the moment or the machine has one home each; everywhere else it is an argument.
import type { ESTree } from 'vite';
import { isCode, isTest, type Project } from './project.ts';
import { findLine, parseSource, readPropertyName, walk } from './source.ts';

export interface Ban {
  /** As found in the code: an object's member, every member of it (`*`), or a constructor without an argument. */
  what: string;
  reason: string;
  /** Patterns of the paths where it may be used. */
  homes: readonly RegExp[];
  /** Tests are at home too. */
  inTests: boolean;
}

const CLOCK_HOMES = [/^ingest\/clock\.ts$/, /^dashboards\//];

export const BANS: readonly Ban[] = [
  {
    what: 'Date.now',
    reason: 'time is an argument, from the clock of ingest/clock.ts',
    homes: CLOCK_HOMES,
    inTests: true,
  },
  {
    what: 'new Date()',
    reason: 'time is an argument, from the clock of ingest/clock.ts',
    homes: CLOCK_HOMES,
    inTests: true,
  },
  {
    what: 'Math.random',
    reason: 'a run that cannot be repeated proves nothing: take a seed',
    homes: [],
    inTests: true,
  },
  {
    what: 'process.env',
    reason: 'the environment is read and checked once, in api/environment.ts',
    homes: [/^api\/environment\.ts$/],
    inTests: true,
  },
  {
    what: 'console.*',
    reason: 'the service logs through pino; only the command line speaks on stdout',
    homes: [/^api\/command-line\/[^/]+\.ts$/, /^api\/(metatrail|feed)\.ts$/, /^test\/run\.ts$/],
    inTests: false,
  },
];

/** Modules whose named imports are the same thing under another name. */
const SAME_BY_IMPORT: Readonly<Record<string, string>> = {
  'node:process': 'process',
  process: 'process',
  'node:console': 'console',
  console: 'console',
};

export function checkBannedCalls(project: Project): string[] {
  return [...project.files].filter(([path]) => isCode(path)).flatMap(([path, text]) => checkFile(path, text));
}

function checkFile(path: string, text: string): string[] {
  const source = parseSource(path, text);
  const bans = BANS.filter((ban) => !(ban.inTests && isTest(path)) && !ban.homes.some((home) => home.test(path)));
  const found: string[] = [];
  walk(source.parsed.program, (node) => {
    for (const use of listUses(node)) {
      const ban = bans.find(({ what }) => what === use || (what.endsWith('.*') && use.startsWith(what.slice(0, -1))));
      if (ban !== undefined) found.push(`${path}:${findLine(source, node.start)} uses ${use}: ${ban.reason}`);
    }
  });
  return found;
}

/** Names like `Date.now` that this node uses, however they are written. */
function listUses(node: ESTree.Node): string[] {
  if (node.type === 'MemberExpression') return [`${nameObject(node.object)}.${readPropertyName(node)}`];
  if (node.type === 'VariableDeclarator' && node.id.type === 'ObjectPattern')
    return node.id.properties.flatMap((property) => listPatternUses(nameObject(node.init), property));
  if ((node.type === 'NewExpression' || node.type === 'CallExpression') && nameObject(node.callee) === 'Date')
    return node.type === 'CallExpression' || node.arguments.length === 0 ? ['new Date()'] : [];
  if (node.type === 'ImportDeclaration') {
    const object = SAME_BY_IMPORT[node.source.value];
    const names = node.specifiers.map((specifier) =>
      specifier.type === 'ImportSpecifier' && specifier.imported.type === 'Identifier' ? specifier.imported.name : '',
    );
    return object === undefined ? [] : names.map((name) => `${object}.${name}`);
  }
  return [];
}

function listPatternUses(object: string, property: ESTree.Node): string[] {
  if (property.type !== 'Property' || property.key.type !== 'Identifier') return [];
  return [`${object}.${property.key.name}`];
}

/** `Date` of `Date` and of `globalThis.Date`. */
function nameObject(node: ESTree.Node | null): string {
  if (node?.type === 'Identifier') return node.name;
  if (node?.type === 'MemberExpression' && nameObject(node.object) === 'globalThis')
    return readPropertyName(node) ?? '';
  return '';
}
