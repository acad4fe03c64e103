// What a tool of an assistant is: one prepared question in GraphQL, with what is given to it.
import { z } from 'zod';

/** Rows of a page unless asked for, and at most: an assistant reads them all. */
const PAGE = 20;
const LARGEST_PAGE = 100;
const HOW = 'ISO 8601 with zone, such as 2026-06-30T23:59:59Z.';

export interface Tool {
  name: string;
  title: string;
  /** For the assistant: what it answers, and when to take it. */
  description: string;
  input: z.ZodObject;
  /** One operation with one root field. */
  document: string;
  /** The variables of the document, of arguments that fit `input`. */
  variables: (given: Record<string, unknown>) => Record<string, unknown>;
}

/** Arguments that the tools share. */
export const ARGUMENTS = {
  id: z.string().describe('The id of the object (a UUID), as search gives it.'),
  at: instant('The instant; none: now, as far as the log goes.'),
  from: instant('The first instant.'),
  to: instant('The last instant, included.'),
  first: z
    .number()
    .int()
    .min(1)
    .max(LARGEST_PAGE)
    .default(PAGE)
    .describe(`So many at most on a page (1 to ${LARGEST_PAGE}).`),
  after: z.string().optional().describe('The cursor of the page before: its `cursor`.'),
  watermark: z
    .number()
    .int()
    .min(0)
    .optional()
    .describe(
      'What was known then: only the first so many events of the log. None: all that is delivered. Take the watermark of an earlier answer to be told the same again.',
    ),
  reason: z
    .string()
    .min(1)
    .max(500)
    .optional()
    .describe(
      'Why sensitive values are wanted, in the words of the person you work for; ask them, and never make one up. It stands in the log for good. Only an investigator is told sensitive values, and only with a reason.',
    ),
};

/** An instant with its zone, as an argument that may be left out. */
function instant(meaning: string) {
  return z.string().optional().describe(`${meaning} ${HOW}`);
}

/** Arguments that must be given. */
export const REQUIRED = {
  from: ARGUMENTS.from.unwrap().describe(`The first instant. ${HOW}`),
  to: ARGUMENTS.to.unwrap().describe(`The last instant, included. ${HOW}`),
  watermark: ARGUMENTS.watermark.unwrap().describe('What was known then: the log as it was with so many events.'),
};

/** A tool whose arguments are the variables of its document, unless it says otherwise. */
export function defineTool(
  tool: Omit<Tool, 'input' | 'variables'> & { input: z.ZodRawShape; variables?: Tool['variables'] },
): Tool {
  // An argument that is misspelt is refused, not left out in silence.
  return {
    variables: (given) => given,
    ...tool,
    input: z.strictObject({ ...tool.input, reason: ARGUMENTS.reason }),
  };
}

/** Variables of which some go into the filter of the question. */
export function filterBy(names: readonly string[], always: Record<string, unknown> = {}): Tool['variables'] {
  return (given) => {
    const entries = Object.entries(given);
    return {
      ...Object.fromEntries(entries.filter(([name]) => !names.includes(name))),
      filter: { ...Object.fromEntries(entries.filter(([name]) => names.includes(name))), ...always },
    };
  };
}
