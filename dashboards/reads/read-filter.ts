// The filters of "Who looked", in the address and in the form.
import { readInstant } from '../dates.ts';
import type { ReadFilter } from './reads-query.ts';

const TEXTS = ['viewer', 'object', 'question'] as const;
const OUTCOMES = ['answered', 'refused', 'failed'] as const;
const INSTANTS = ['from', 'to'] as const;

/** What the address asks for; what is no filter is left out. */
export function readReadFilter(params: URLSearchParams): ReadFilter {
  const filter: ReadFilter = {};
  for (const key of TEXTS) {
    const text = params.get(key)?.trim();
    if (text) filter[key] = text;
  }
  const outcome = OUTCOMES.find((each) => each === params.get('outcome'));
  if (outcome !== undefined) filter.outcome = outcome;
  for (const key of INSTANTS) {
    const instant = readInstant(params.get(key) ?? '');
    if (instant !== undefined) filter[key] = instant;
  }
  return filter;
}

/** The address of what is filled in. */
export function writeReadFilter(form: FormData): URLSearchParams {
  const params = new URLSearchParams();
  for (const key of [...INSTANTS, ...TEXTS, 'outcome']) {
    const given = form.get(key);
    if (typeof given === 'string' && given.trim() !== '') params.set(key, given.trim());
  }
  return params;
}
