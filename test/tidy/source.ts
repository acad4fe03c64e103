// A TypeScript file as the rules see it: its syntax tree, from the parser that Vite brings (TypeScript 7 offers no stable one).
import { posix } from 'node:path';
import { type ESTree, type ParseResult, parseSync } from 'vite';

export interface Source {
  path: string;
  text: string;
  parsed: ParseResult;
}

export interface Reference {
  /** As written: './x.ts', 'node:fs'. */
  specifier: string;
  line: number;
  /** import: any form of import or export-from. file: `new URL('./x.ts', import.meta.url)` and the like. */
  kind: 'import' | 'file';
}

const cache = new Map<string, Source>();

/** Parses once for each path and text. Throws an Error that names the file when the text is not TypeScript. */
export function parseSource(path: string, text: string): Source {
  const known = cache.get(path);
  if (known?.text === text) return known;
  const lang = path.endsWith('.tsx') ? 'tsx' : path.endsWith('.d.ts') ? 'dts' : 'ts';
  const parsed = parseSync(path, text, { lang, sourceType: 'module' });
  const problem = parsed.errors[0];
  if (problem !== undefined) throw new Error(`${path} cannot be parsed: ${problem.message}`);
  const source = { path, text, parsed };
  cache.set(path, source);
  return source;
}

/** Line, from 1, of a place in the text. */
export function findLine(source: Source, offset: number): number {
  return source.text.slice(0, offset).split('\n').length;
}

/** Visits every node of the tree, parents before their children. */
export function walk(
  node: ESTree.Node,
  visit: (node: ESTree.Node, parent: ESTree.Node | undefined) => void,
  parent?: ESTree.Node,
): void {
  visit(node, parent);
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (isNode(child)) walk(child, visit, node);
    }
  }
}

/** Everything a file refers to by name: imports, re-exports, dynamic imports, types imported in place, worker files. */
export function listReferences(source: Source): Reference[] {
  const found: Reference[] = [];
  const add = (kind: Reference['kind'], node: ESTree.Node | null): void => {
    const specifier = readString(node);
    if (node !== null && specifier !== undefined) found.push({ specifier, kind, line: findLine(source, node.start) });
  };
  walk(source.parsed.program, (node) => {
    if (node.type === 'ImportDeclaration' || node.type === 'ExportAllDeclaration') add('import', node.source);
    if (node.type === 'ExportNamedDeclaration') add('import', node.source);
    if (node.type === 'ImportExpression' || node.type === 'TSImportType') add('import', node.source);
    if (node.type === 'TSExternalModuleReference') add('import', node.expression);
    if (node.type === 'NewExpression' || node.type === 'CallExpression') {
      const [first, second] = node.arguments;
      if (isImportMeta(second, 'url') && first !== undefined) add('file', first);
      if (isImportMeta(first, 'dirname') && second !== undefined) add('file', second);
    }
  });
  return found;
}

/** The repository path that a relative specifier means, or undefined for a package. */
export function resolveReference(
  from: string,
  specifier: string,
  isKnown: (path: string) => boolean,
): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  const path = posix.normalize(posix.join(posix.dirname(from), specifier));
  return [path, `${path}.ts`, `${path}.tsx`].find(isKnown) ?? path;
}

/** The names a file exports, with their lines; 'default' for a default export. */
export function listExports(source: Source): { name: string; line: number }[] {
  return source.parsed.module.staticExports.flatMap((statement) =>
    statement.entries.map((entry) => ({
      name: entry.exportName.kind === 'Default' ? 'default' : (entry.exportName.name ?? '*'),
      line: findLine(source, entry.start),
    })),
  );
}

/** The text of a string literal or of a template without holes. */
export function readString(node: ESTree.Node | null | undefined): string | undefined {
  if (node?.type === 'Literal' && typeof node.value === 'string') return node.value;
  if (node?.type === 'TemplateLiteral' && node.expressions.length === 0)
    return node.quasis[0]?.value.cooked ?? undefined;
  return undefined;
}

/** The name after the dot, or in brackets as a string. */
export function readPropertyName(node: ESTree.Node): string | undefined {
  if (node.type !== 'MemberExpression') return undefined;
  if (!node.computed) return node.property.type === 'Identifier' ? node.property.name : undefined;
  return readString(node.property);
}

function isImportMeta(node: ESTree.Node | undefined, property: string): boolean {
  return (
    node?.type === 'MemberExpression' && node.object.type === 'MetaProperty' && readPropertyName(node) === property
  );
}

function isNode(value: unknown): value is ESTree.Node {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value;
}
