// The filter of changes in the address: what is shown can be shared as a link.
import { formatInstant, readInstant } from '../dates.ts';
import { describeOutcome } from '../words/outcome-words.ts';
import { describeStage } from '../words/stage-words.ts';
import type { ChangeFilter } from './changes-query.ts';

const TEXTS = ['object', 'attribute', 'value', 'agent', 'initiator', 'rule'] as const;
const INSTANTS = ['from', 'to'] as const;
const LISTS = ['stages', 'outcomes'] as const;
const SEQUENCES = ['run', 'watermark'] as const;
const FILTER_KEYS = [...INSTANTS, ...TEXTS, ...LISTS, 'outOfBand', ...SEQUENCES] as const;
type FilterKey = (typeof FILTER_KEYS)[number];

const LABELS: Readonly<Record<FilterKey, string>> = {
  from: 'From',
  to: 'To',
  object: 'Object',
  attribute: 'Attribute',
  value: 'Value',
  agent: 'Agent',
  initiator: 'Initiator',
  rule: 'Rule',
  stages: 'Stage',
  outcomes: 'Outcome',
  outOfBand: 'Out of band',
  run: 'Run',
  watermark: 'As known at',
};

/** What an address asks for. Parts that make no sense are left out. */
export function readChangeFilter(params: URLSearchParams): ChangeFilter {
  const filter: ChangeFilter = {};
  for (const key of TEXTS) {
    const text = params.get(key)?.trim();
    if (text !== undefined && text !== '') filter[key] = text;
  }
  for (const key of INSTANTS) {
    const instant = readInstant(params.get(key) ?? '');
    if (instant !== undefined) filter[key] = instant;
  }
  for (const key of LISTS) {
    const list = readList(params, key);
    if (list.length > 0) filter[key] = list;
  }
  for (const key of SEQUENCES) {
    const sequence = params.get(key) ?? '';
    if (/^\d+$/.test(sequence)) filter[key] = sequence;
  }
  if (params.get('outOfBand') === 'true') filter.outOfBand = true;
  if (params.get('outOfBand') === 'false') filter.outOfBand = false;
  return filter;
}

export function readList(params: URLSearchParams, key: string): string[] {
  return (params.get(key) ?? '').split(',').filter((item) => item !== '');
}

/** The address for what was filled in; several values of one field are one list. Begins at the newest. */
export function writeChangeFilter(filled: Iterable<readonly [string, FormDataEntryValue]>): URLSearchParams {
  const params = new URLSearchParams();
  for (const [key, entry] of filled) {
    const text = typeof entry === 'string' ? entry.trim() : '';
    const value = key === 'from' || key === 'to' ? (readInstant(text) ?? '') : text;
    if (value === '') continue;
    const before = params.get(key);
    params.set(key, before === null ? value : `${before},${value}`);
  }
  return params;
}

export interface Chip {
  key: string;
  label: string;
  text: string;
  /** The address without it. */
  without: URLSearchParams;
}

/** Each part of the filter, to be read and removed. */
export function listChips(params: URLSearchParams): Chip[] {
  return FILTER_KEYS.flatMap((key) => {
    const value = params.get(key);
    if (value === null || value === '') return [];
    const values = key === 'stages' || key === 'outcomes' ? readList(params, key) : [value];
    return values.map((item) => ({
      key: `${key} ${item}`,
      label: LABELS[key],
      text: describeItem(key, item),
      without: removeItem(params, key, item, values),
    }));
  });
}

function describeItem(key: FilterKey, item: string): string {
  if (key === 'stages') return describeStage(item);
  if (key === 'outcomes') return `${describeOutcome('', item)} (${item})`;
  if (key === 'outOfBand') return item === 'true' ? 'only' : 'none';
  if (key === 'run' || key === 'watermark') return `#${item}`;
  const instant = key === 'from' || key === 'to' ? readInstant(item) : undefined;
  return instant === undefined ? item : `${formatInstant(instant)} UTC`;
}

function removeItem(params: URLSearchParams, key: string, item: string, values: readonly string[]): URLSearchParams {
  const rest = new URLSearchParams(params);
  rest.delete('after');
  const left = values.filter((value) => value !== item);
  if (left.length === 0) rest.delete(key);
  else rest.set(key, left.join(','));
  return rest;
}
