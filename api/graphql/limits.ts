// How much one question may ask for: a person's or a page's never comes near, one that would keep the service busy for
// hours is refused before anything is asked.
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  Lexer,
  parse,
  type SelectionSetNode,
  Source,
  TokenKind,
} from 'graphql';

/** Tokens of one operation. */
const MOST_TOKENS = 10_000;
/** Brackets of all kinds within one another: those of the deepest fields, with what is given to them. */
const DEEPEST_BRACKETS = 100;
/** Fields and fragments of one operation, those within fragments as often as they are used. */
const MOST_FIELDS = 2000;
const DEEPEST = 20;
/** Each question of one operation may give a thousand rows, and is an event with whatever was typed into it. */
const MOST_QUESTIONS = 50;
/** Each of these gives a list of changes for a change: within one another they multiply. */
const CHAINS = ['causedBy', 'ledTo', 'ledToMore', 'cameFrom', 'wentTo'];
const MOST_CHAINS = 2;

class TooMuch extends Error {}

const OPENING: ReadonlySet<TokenKind> = new Set([TokenKind.BRACE_L, TokenKind.PAREN_L, TokenKind.BRACKET_L]);
const CLOSING: ReadonlySet<TokenKind> = new Set([TokenKind.BRACE_R, TokenKind.PAREN_R, TokenKind.BRACKET_R]);

/**
 * The document of an operation. Throws GraphQLError for what is malformed, too long, too deep or too wide: before it is held against
 * the schema, for there each field is compared with each other of its name.
 */
export function parseQuestion(text: string | Source): DocumentNode {
  const source = typeof text === 'string' ? new Source(text) : text;
  checkBrackets(source);
  const document = parse(source, { maxTokens: MOST_TOKENS });
  measureAll(document);
  return document;
}

/** The parser calls itself for each bracket, and has no stack for thousands of them; its tokens need none. */
function checkBrackets(source: Source): void {
  const lexer = new Lexer(source);
  let depth = 0;
  for (let count = 0; count <= MOST_TOKENS; count++) {
    const { kind } = lexer.advance();
    if (kind === TokenKind.EOF) return;
    if (OPENING.has(kind)) depth += 1;
    else if (CLOSING.has(kind)) depth -= 1;
    if (depth > DEEPEST_BRACKETS)
      throw new GraphQLError(`The question has brackets more than ${DEEPEST_BRACKETS} deep; ask in parts.`, {
        extensions: { code: 'BAD_USER_INPUT' },
      });
  }
}

/** Fragments as well, also one that nothing uses: it is held against the schema too. */
function measureAll({ definitions }: DocumentNode): void {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of definitions)
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  for (const definition of definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION && definition.kind !== Kind.FRAGMENT_DEFINITION) continue;
    try {
      measure(definition.selectionSet, fragments, definition.kind === Kind.OPERATION_DEFINITION ? 1 : 2);
    } catch (error) {
      if (!(error instanceof TooMuch)) throw error;
      throw new GraphQLError(error.message, { nodes: definition, extensions: { code: 'BAD_USER_INPUT' } });
    }
  }
}

/** `from`: the level of the selections, 1 for those of an operation, whose fields are its questions. */
function measure(
  selections: SelectionSetNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  from: number,
): void {
  let fields = 0;
  let questions = 0;
  const visit = (set: SelectionSetNode, depth: number, chains: number, within: readonly string[]): void => {
    if (depth > DEEPEST) throw new TooMuch(`The question is more than ${DEEPEST} levels deep; ask in parts.`);
    for (const selection of set.selections) {
      // Spreads count as well: a few fragments that use one another twice are as many as their powers of two.
      fields += 1;
      if (fields > MOST_FIELDS) throw new TooMuch(`The question has more than ${MOST_FIELDS} fields; ask in parts.`);
      if (selection.kind === Kind.FRAGMENT_SPREAD) {
        const name = selection.name.value;
        const fragment = fragments.get(name);
        // A fragment within itself is refused by another rule.
        if (fragment && !within.includes(name)) visit(fragment.selectionSet, depth, chains, [...within, name]);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) visit(selection.selectionSet, depth, chains, within);
      else {
        if (depth === 1) questions += 1;
        if (questions > MOST_QUESTIONS)
          throw new TooMuch(`The question asks more than ${MOST_QUESTIONS} things at once; ask in parts.`);
        const next = chains + (CHAINS.includes(selection.name.value) ? 1 : 0);
        if (next > MOST_CHAINS)
          throw new TooMuch(
            `causedBy and ledTo are more than ${MOST_CHAINS} deep in one another; ask change by change.`,
          );
        if (selection.selectionSet) visit(selection.selectionSet, depth + 1, next, within);
      }
    }
  };
  visit(selections, from, 0, []);
}
