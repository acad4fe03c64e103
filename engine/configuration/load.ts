// Reads, checks and resolves a configuration. Everything that is wrong is reported at once, with line and column.
import { createHash } from 'node:crypto';
import path from 'node:path';
import type { z } from 'zod';
import { ConfigurationError, type Fault, type ParsedDocument, parseYaml } from './document.ts';
import type { Configuration } from './model.ts';
import { resolveConfiguration } from './resolve.ts';
import { configurationShape } from './shape.ts';

export interface LoadOptions {
  /** The file's name, for messages and for paths relative to it. */
  file: string;
  /** What {name} stands for in paths: {data} is the data folder. */
  variables: Record<string, string>;
}

/** Throws ConfigurationError with every fault found. */
export function loadConfiguration(text: string, options: LoadOptions): Configuration {
  const document = parseYaml(text, options.file);
  const { value, faults } = expandPaths(document, options);
  const checked = configurationShape.safeParse(value);
  if (!checked.success) {
    const found = checked.error.issues.flatMap((issue) => faultsOf(issue, document));
    throw new ConfigurationError(options.file, inOrder([...faults, ...found]));
  }
  const resolved = resolveConfiguration(checked.data, document);
  faults.push(...resolved.faults);
  if (faults.length > 0) throw new ConfigurationError(options.file, inOrder(faults));
  return { ...resolved.configuration, text, sha256: createHash('sha256').update(text).digest('hex') };
}

/** From the top of the file, each fault once. */
export function inOrder(faults: readonly Fault[]): Fault[] {
  const once = new Map(faults.map((fault) => [JSON.stringify(fault), fault]));
  return [...once.values()].sort((a, b) => a.line - b.line || a.column - b.column);
}

const PATH_KEYS = ['folder', 'file'];

/** Connector paths: {variables} filled in, then taken relative to the configuration's own folder. */
function expandPaths(document: ParsedDocument, options: LoadOptions): { value: unknown; faults: Fault[] } {
  const base = path.dirname(path.resolve(options.file));
  const faults: Fault[] = [];
  const agents = pick(document.value, 'agents');
  if (!isRecord(document.value) || !isRecord(agents)) return { value: document.value, faults };
  const expanded = Object.entries(agents).map(([agent, shape]) => {
    const connector = pick(shape, 'connector');
    if (!isRecord(shape) || !isRecord(connector)) return [agent, shape];
    const paths = PATH_KEYS.filter((key) => typeof connector[key] === 'string').map((key) => {
      const filled = String(connector[key]).replace(/\{(\w+)\}/g, (whole, name: string) => {
        const value = options.variables[name];
        if (value !== undefined) return value;
        const known = Object.keys(options.variables)
          .map((each) => `{${each}}`)
          .join(', ');
        faults.push({
          ...document.placeOf(['agents', agent, 'connector', key]),
          message: `${whole} is not known here; there is ${known}`,
        });
        return whole;
      });
      return [key, path.resolve(base, filled)];
    });
    return [agent, { ...shape, connector: { ...connector, ...Object.fromEntries(paths) } }];
  });
  return { value: { ...document.value, agents: Object.fromEntries(expanded) }, faults };
}

/** What a check of a shape found, each fault with its place in the file. */
export function faultsOf(issue: z.core.$ZodIssue, document: ParsedDocument): Fault[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      ...document.placeOf(issue.path, key),
      message: `the key ${key} is not known here${whereOf(issue.path)}`,
    }));
  }
  if (issue.code === 'invalid_union' && 'options' in issue && Array.isArray(issue.options)) {
    const options = issue.options.map((option) => JSON.stringify(option)).join(' or ');
    return [{ ...document.placeOf(issue.path), message: `expected ${options}${whereOf(issue.path)}` }];
  }
  if (issue.code === 'invalid_union') {
    const branches = issue.errors.filter((branch) => branch.length > 0);
    const deepest = branches.toSorted((a, b) => depthOf(b) - depthOf(a))[0];
    if (deepest && depthOf(deepest) > 0) {
      return deepest.flatMap((inner) =>
        faultsOf({ ...inner, path: [...issue.path, ...inner.path] } as z.core.$ZodIssue, document),
      );
    }
    const expected = branches.flatMap((branch) => branch.map((inner) => expectationOf(inner)));
    return [
      {
        ...document.placeOf(issue.path),
        message: `expected ${[...new Set(expected)].join(' or ')}${whereOf(issue.path)}`,
      },
    ];
  }
  const message = issue.code === 'custom' ? complaintOf(issue) : `expected ${expectationOf(issue)}`;
  return [{ ...document.placeOf(issue.path), message: `${message}${whereOf(issue.path)}` }];
}

/** A check of several keys together says what the thing at fault needs: "connector needs either folder or file". */
function complaintOf(issue: z.core.$ZodIssue): string {
  return `${String(issue.path.at(-1) ?? 'the file')} ${issue.message}`;
}

/** A branch of a union that the value was meant for gets further than its first word. */
function depthOf(branch: readonly z.core.$ZodIssue[]): number {
  return Math.max(
    ...branch.map((issue) =>
      issue.code === 'unrecognized_keys' ? 1 : issue.code === 'custom' ? 1 : issue.path.length,
    ),
  );
}

function expectationOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined && /undefined/.test(issue.message)
        ? `${article(issue.expected)}, and it is missing`
        : article(issue.expected);
    case 'invalid_value':
      return issue.values.map((value) => JSON.stringify(value)).join(' or ');
    case 'invalid_key':
      return issue.issues[0]?.message ?? issue.message;
    case 'invalid_format':
      return issue.message;
    case 'too_small':
      if (issue.origin === 'array') return `a list of at least ${issue.minimum}`;
      return issue.origin === 'string' ? 'text that is not empty' : `at least ${issue.minimum}`;
    case 'too_big':
      return `at most ${issue.maximum}`;
    default:
      return issue.message;
  }
}

const WORDS: Record<string, string> = {
  object: 'a map',
  record: 'a map',
  string: 'text',
  array: 'a list',
  number: 'a number',
  boolean: 'true or false',
};
const article = (expected: string): string => WORDS[expected] ?? expected;

function whereOf(path_: readonly PropertyKey[]): string {
  return path_.length === 0 ? '' : ` (${path_.map(String).join('.')})`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function pick(value: unknown, key: string): unknown {
  return isRecord(value) ? value[key] : undefined;
}
