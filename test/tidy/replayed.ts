// Whoever lets the engine run in a test holds its state against a replay where it is closed, so that no story can forget it.
import type { ESTree } from 'vite';
import { parseSource, readString, walk } from './source.ts';

const OPENERS = new Set(['Engine', 'Installation']);
/** What is given to these is done when a test is over. */
const AFTERWARDS = new Set(['after', 'afterwards']);
const CHECK = 'assertReplays';

/** Whether a file lets the engine run, and whether it compares the state where it closes it. */
export function readReplays(path: string, text: string): { runs: boolean; compares: boolean } {
  let [runs, compares] = [false, false];
  const closings: ESTree.Node[] = [];
  walk(parseSource(path, text).parsed.program, (node) => {
    if (node.type === 'TryStatement' && node.finalizer) closings.push(node.finalizer);
    if (node.type === 'MethodDefinition' && nameOf(node.key) === 'close') closings.push(node);
    if (node.type === 'VariableDeclarator' && nameOf(node.id) === 'close' && node.init) closings.push(node.init);
    if (node.type !== 'CallExpression') return;
    if (isOpening(node)) runs = true;
    const called = nameOf(node.callee);
    if (AFTERWARDS.has(called)) closings.push(...node.arguments);
    // Parents come before their children.
    if (called === CHECK) compares ||= closings.some(({ start, end }) => start <= node.start && node.end <= end);
  });
  return { runs, compares };
}

/** `Engine.open(…)`, `Installation.open(…)`, or a process of the service. */
function isOpening({ callee, arguments: given }: ESTree.CallExpression): boolean {
  if (nameOf(callee) === 'spawn')
    return given.some(
      (each) => each.type === 'ArrayExpression' && each.elements.some((one) => readString(one) === 'start'),
    );
  return callee.type === 'MemberExpression' && OPENERS.has(nameOf(callee.object)) && nameOf(callee) === 'open';
}

/** Of `name`, `this.name` and `a.name`. */
function nameOf(node: ESTree.Node): string {
  if (node.type === 'MemberExpression') return nameOf(node.property);
  return node.type === 'Identifier' ? node.name : '';
}
