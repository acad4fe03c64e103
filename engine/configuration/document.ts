// Reads the YAML text of a configuration: positions for messages, no repeated keys, no alias bombs, no tags.
import { type Document, isMap, isNode, isPair, isScalar, LineCounter, parseDocument, visit } from 'yaml';

/** Larger than any configuration that a person can keep in their head. */
const LARGEST_BYTES = 4 * 1024 * 1024;
/** How often aliases may be followed in all; enough for shared attribute lists, far too few for a bomb. */
const ALIAS_LIMIT = 50;

export interface Fault {
  line: number;
  column: number;
  message: string;
}

/** Everything that is wrong with a configuration, each with its place. */
export class ConfigurationError extends Error {
  override name = 'ConfigurationError';
  readonly file: string;
  readonly faults: readonly Fault[];
  constructor(file: string, faults: readonly Fault[]) {
    const lines = faults.map(({ line, column, message }) => `${file}:${line}:${column}: ${message}`);
    super(lines.join('\n'));
    this.file = file;
    this.faults = faults;
  }
}

export type Path = readonly PropertyKey[];

export interface ParsedDocument {
  value: unknown;
  /** The line and column of a value, or of the key at fault in it; of the nearest parent where there is none. */
  placeOf(path: Path, key?: string): { line: number; column: number };
}

/** Throws ConfigurationError. */
export function parseYaml(text: string, file: string): ParsedDocument {
  const counter = new LineCounter();
  if (Buffer.byteLength(text) > LARGEST_BYTES) {
    throw new ConfigurationError(file, [
      { line: 1, column: 1, message: `the file is larger than ${LARGEST_BYTES} bytes` },
    ]);
  }
  const document = parseDocument(text, {
    lineCounter: counter,
    uniqueKeys: true,
    version: '1.2',
    schema: 'core',
    stringKeys: true,
  });
  const at = (offset: number) => {
    const { line, col } = counter.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const faults = [...document.errors, ...document.warnings].map((problem) => ({
    ...at(problem.pos[0]),
    message: problem.code === 'MULTIPLE_DOCS' ? 'the file holds more than one document' : firstLine(problem.message),
  }));
  visit(document, {
    Pair: (_, { key }) => {
      // Everything else that is not known is found by its shape; this one vanishes on the way there.
      if (isScalar(key) && key.value === '__proto__')
        faults.push({ ...at(key.range?.[0] ?? 0), message: 'the key __proto__ is not known here' });
    },
  });
  if (faults.length > 0) throw new ConfigurationError(file, faults);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: ALIAS_LIMIT });
  } catch {
    const fault = danglingAlias(document, at);
    const message = `the file follows aliases more than ${ALIAS_LIMIT} times; write the values out`;
    throw new ConfigurationError(file, [fault ?? { line: 1, column: 1, message }]);
  }
  return { value, placeOf: (path, key) => at(offsetOf(document.contents, path, key)) };
}

/** The first alias of an anchor that there is not. */
function danglingAlias(document: Document, at: (offset: number) => Omit<Fault, 'message'>): Fault | undefined {
  let fault: Fault | undefined;
  visit(document, {
    Alias: (_, node) => {
      if (node.resolve(document) !== undefined) return undefined;
      fault = { ...at(node.range?.[0] ?? 0), message: `there is no anchor ${node.source} before this` };
      return visit.BREAK;
    },
  });
  return fault;
}

function offsetOf(contents: unknown, path: Path, key?: string): number {
  let node: unknown = contents;
  let offset = 0;
  for (const part of key === undefined ? path : [...path, key]) {
    if (isMap(node)) {
      const pair: unknown = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(part));
      if (!isPair(pair)) break;
      if (isScalar(pair.key) && pair.key.range) offset = pair.key.range[0];
      node = pair.value;
    } else {
      const child: unknown =
        typeof part === 'number' && isNode(node) && 'items' in node && Array.isArray(node.items)
          ? node.items[part]
          : undefined;
      if (!isNode(child) || !child.range) break;
      offset = child.range[0];
      node = child;
    }
  }
  return offset;
}

function firstLine(message: string): string {
  return (message.split('\n')[0] ?? message).replace(/ at line \d+, column \d+:?$/, '');
}
