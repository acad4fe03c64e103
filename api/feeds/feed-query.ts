// What is asked of a feed, as the parameters of an address.
import { z } from 'zod';
import { parseInstant } from '../../ingest/clock.ts';
import { STAGES, UUID } from '../../ingest/event.ts';
import type { ChangeFilter } from '../queries/changes.ts';
import type { Parameter } from '../reads/read-event.ts';
import { FeedError } from './feed-error.ts';

/** OCSF events, or changes in the log's own words. */
export const FEEDS = ['ocsf', 'changes'] as const;
export type FeedName = (typeof FEEDS)[number];

export const FORMATS = ['jsonl', 'json', 'cloudevents'] as const;
export type FeedFormat = (typeof FORMATS)[number];

export const MOST_EVENTS = 1000;
const USUAL_EVENTS = 500;
const LONGEST_TEXT = 1000;

const text = z.string().min(1).max(LONGEST_TEXT);
const whole = z
  .string()
  .regex(/^\d{1,15}$/, 'must be a whole number')
  .transform(Number);
const instant = z.string().transform((given, context) => {
  const micros = /(Z|[+-]\d\d:\d\d)$/.test(given) ? parseInstant(given) : undefined;
  if (micros !== undefined) return micros;
  context.addIssue({ code: 'custom', message: 'must be an instant with a zone, such as 2026-06-30T12:00:00Z' });
  return z.NEVER;
});
const yes = z.enum(['true', 'false'], 'must be true or false').transform((given) => given === 'true');
const list = text.transform((given) => given.split(',').map((each) => each.trim()));

const querySchema = z.strictObject({
  cursor: text.optional(),
  from: whole.optional(),
  limit: whole
    .refine((limit) => limit >= 1 && limit <= MOST_EVENTS, `must be from 1 to ${MOST_EVENTS}`)
    .default(USUAL_EVENTS),
  format: z.enum(FORMATS, `must be one of ${FORMATS.join(', ')}`).default('jsonl'),
  integrity: yes.default(false),
  stages: list
    .refine((stages) => stages.every((stage) => STAGES.some((each) => each === stage)), 'must be names of stages')
    .optional(),
  outcomes: list.optional(),
  agent: text.optional(),
  object: text.toLowerCase().regex(UUID, 'must be the id of an object').optional(),
  attribute: text.optional(),
  value: text.optional(),
  initiator: text.optional(),
  rule: text.optional(),
  run: whole.optional(),
  out_of_band: yes.optional(),
  since: instant.optional(),
  until: instant.optional(),
});

export interface FeedQuery {
  cursor: string | undefined;
  /** The first sequence, where no cursor says. */
  from: number;
  limit: number;
  format: FeedFormat;
  integrity: boolean;
  filter: ChangeFilter;
  /** All that decides which events there are, in one form. */
  filterText: string;
  /** For the read in the log. */
  parameters: Parameter[];
}

/** Throws FeedError. */
export function readFeedQuery(given: Record<string, unknown>): FeedQuery {
  const checked = querySchema.safeParse(given);
  if (!checked.success) throw new FeedError('BAD_USER_INPUT', sentenceOf(checked.error));
  const { cursor, from, limit, format, integrity, out_of_band, since, until, ...rest } = checked.data;
  if (cursor !== undefined && from !== undefined)
    throw new FeedError('BAD_USER_INPUT', 'Give cursor or from, not both: each says where to begin.');
  if (since !== undefined && until !== undefined && since > until)
    throw new FeedError('BAD_USER_INPUT', 'The parameter until is before since; put the earlier one in since.');
  const filter: ChangeFilter = { ...rest, from: since, to: until, outOfBand: out_of_band };
  const filterText = filterTextOf(filter);
  return { cursor, from: from ?? 0, limit, format, integrity, filter, filterText, parameters: parametersOf(given) };
}

/** A filter in one form, whatever the order in which it was written. */
export function filterTextOf(filter: ChangeFilter): string {
  const sorted = Object.entries(filter).filter(([, value]) => value !== undefined);
  return JSON.stringify(sorted.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A cursor is told as where it stands, by whoever decodes it. */
function parametersOf(given: Record<string, unknown>): Parameter[] {
  return Object.entries(given).flatMap(([name, value]): Parameter[] =>
    typeof value === 'string' && name !== 'cursor'
      ? [{ name, type: name === 'object' ? 'id' : 'string', text: value }]
      : [],
  );
}

function sentenceOf({ issues }: z.ZodError): string {
  const [issue] = issues;
  if (issue?.code === 'unrecognized_keys') {
    const names = issue.keys.map((key) => JSON.stringify(key.slice(0, 60))).join(', ');
    return `A feed has no parameter ${names}; it has ${Object.keys(querySchema.shape).join(', ')}.`;
  }
  const said = issue?.code === 'invalid_type' ? 'is given more than once' : (issue?.message ?? 'is wrong');
  return `The parameter ${String(issue?.path[0])} ${/^(must|is) /.test(said) ? said : `is wrong: ${said}`}.`;
}
