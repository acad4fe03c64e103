// Expressions of the configuration: CEL (Common Expression Language), which always ends and touches nothing.
// In them `object` is the metaverse object and `entry` the connector-space object, each a map from attribute name to a
// string, int, bool or list of strings (absent attributes are not in the map); `connected` lists the agents that have a
// connector on the object. Besides CEL's own functions there are rdn(s): s escaped for a distinguished name, ascii(s):
// s in plain letters, lower(s), upper(s), and firsts(s, n): the first n characters.
import { Environment } from '@marcbachmann/cel-js';
import { escapeRdnValue } from '../connectors/dn.ts';

export type ExpressionValue = string | boolean | bigint | number | null | ExpressionValue[];

export interface ExpressionContext {
  object?: Record<string, unknown>;
  entry?: Record<string, unknown>;
  connected?: string[];
}

export interface Expression {
  readonly text: string;
  /** The rule that it belongs to. */
  readonly rule: string;
  /** Throws RuleError when it cannot be computed, such as an attribute that is not there. */
  evaluate(context: ExpressionContext): unknown;
}

/** A rule of the configuration failed on one object: an object error, recorded as an event. */
export class RuleError extends Error {
  override name = 'RuleError';
  /** A MIM error name. */
  readonly code: string;
  readonly rule: string;
  constructor(code: string, rule: string, message: string) {
    super(message);
    this.code = code;
    this.rule = rule;
  }
}

/** Letters that Unicode decomposition leaves as they are. */
const LETTERS: Record<string, string> = {
  ß: 'ss',
  æ: 'ae',
  Æ: 'Ae',
  ø: 'o',
  Ø: 'O',
  ł: 'l',
  Ł: 'L',
  đ: 'd',
  Đ: 'D',
  þ: 'th',
  Þ: 'Th',
  ı: 'i',
  œ: 'oe',
  Œ: 'Oe',
};

function toAscii(text: string): string {
  return text
    .replace(/[ßæÆøØłŁđĐþÞıœŒ]/g, (letter) => LETTERS[letter] ?? letter)
    .normalize('NFD')
    .replace(/[^\x20-\x7e]/g, '');
}

const environment = new Environment({
  enableOptionalTypes: true,
  homogeneousAggregateLiterals: false,
  limits: { maxAstNodes: 2000, maxDepth: 50 },
})
  .registerVariable('object', 'map')
  .registerVariable('entry', 'map')
  .registerVariable('connected', 'list<string>')
  .registerFunction('rdn(string): string', (text: string) => escapeRdnValue(text))
  .registerFunction('ascii(string): string', toAscii)
  .registerFunction('lower(string): string', (text: string) => text.toLowerCase())
  .registerFunction('upper(string): string', (text: string) => text.toUpperCase())
  .registerFunction('firsts(string, int): string', (text: string, count: bigint) =>
    [...text].slice(0, Number(count)).join(''),
  );

/** Types that a condition may have; the type of an attribute is known only when there is one. */
const CONDITIONS = new Set(['bool', 'dyn']);

/** Compiles an expression; `isCondition`: true or false. Throws an Error that says what is wrong with it in one line. */
export function compileExpression(text: string, rule: string, isCondition = false): Expression {
  const program = parse(text);
  const checked = program.check();
  if (!checked.valid) throw describe(checked.error);
  if (isCondition && checked.type !== undefined && !CONDITIONS.has(checked.type))
    throw new Error(`it gives ${checked.type}, not true or false`);
  return {
    text,
    rule,
    evaluate(context) {
      try {
        return program({
          object: context.object ?? {},
          entry: context.entry ?? {},
          connected: context.connected ?? [],
        });
      } catch (error) {
        const message = error instanceof Error ? firstLine(error.message) : String(error);
        throw new RuleError('sync-rule-invalid-expression', rule, `The rule ${rule} cannot be computed: ${message}.`);
      }
    },
  };
}

function parse(text: string): ReturnType<Environment['parse']> {
  try {
    return environment.parse(text);
  } catch (error) {
    throw describe(error);
  }
}

/** What is wrong, and at which character of the expression. */
function describe(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const at = 'range' in error && isRange(error.range) ? ` at character ${error.range.start + 1}` : '';
  return new Error(`${firstLine(error.message)}${at}`);
}

function isRange(range: unknown): range is { start: number } {
  return typeof range === 'object' && range !== null && 'start' in range && typeof range.start === 'number';
}

/** The values of an attribute that an expression returned: none, one or several strings. */
export function toValues(result: unknown, rule: string): string[] {
  if (result === null || result === undefined || result === '') return [];
  if (typeof result === 'string') return [result];
  if (typeof result === 'bigint' || typeof result === 'number' || typeof result === 'boolean') return [String(result)];
  if (Array.isArray(result)) return [...new Set(result.flatMap((item) => toValues(item, rule)))];
  throw new RuleError(
    'sync-rule-invalid-expression',
    rule,
    `The rule ${rule} gives neither text, number, truth value nor a list of them.`,
  );
}

function firstLine(message: string): string {
  return (message.split('\n')[0] ?? message).replace(/\.$/, '');
}
