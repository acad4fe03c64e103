// A file is read in one sitting, a function fits a screen.
import type { ESTree } from 'vite';
import { isCode, isTestFile, type Project } from './project.ts';
import { findLine, parseSource, type Source, walk } from './source.ts';

export const MAX_FILE_LINES = 500;
export const MAX_FUNCTION_LINES = 70;

export function checkSizes(project: Project): string[] {
  return [...project.files].filter(([path]) => isCode(path)).flatMap(([path, text]) => checkFile(path, text));
}

function checkFile(path: string, text: string): string[] {
  const source = parseSource(path, text);
  const found: string[] = [];
  const lines = text.replace(/\n$/, '').split('\n').length;
  if (lines > MAX_FILE_LINES) found.push(`${path} has ${lines} lines, ${MAX_FILE_LINES} are allowed`);
  walk(source.parsed.program, (node, parent) => {
    if (!isFunction(node) || isSuite(path, parent)) return;
    const length = findLine(source, node.end) - findLine(source, node.start) + 1;
    if (length > MAX_FUNCTION_LINES) found.push(describe(source, node, parent, length));
  });
  return found;
}

function describe(source: Source, node: ESTree.Node, parent: ESTree.Node | undefined, length: number): string {
  const name = nameOf(node) ?? nameOf(parent) ?? 'a function without a name';
  return `${source.path}:${findLine(source, node.start)} ${name} has ${length} lines, ${MAX_FUNCTION_LINES} are allowed`;
}

function isFunction(node: ESTree.Node): boolean {
  return /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type);
}

/** In a test, the function given to describe or suite is a chapter and not a function. */
function isSuite(path: string, parent: ESTree.Node | undefined): boolean {
  if (!isTestFile(path) || parent?.type !== 'CallExpression' || parent.callee.type !== 'Identifier') return false;
  return parent.callee.name === 'describe' || parent.callee.name === 'suite';
}

function nameOf(node: ESTree.Node | undefined): string | undefined {
  if (node === undefined) return undefined;
  if ('id' in node && node.id?.type === 'Identifier') return node.id.name;
  if ('key' in node && typeof node.key === 'object' && 'name' in node.key) return String(node.key.name);
  if (node.type === 'CallExpression' && node.callee.type === 'Identifier')
    return `the function given to ${node.callee.name}`;
  return undefined;
}
