// An object's state at an instant, in the metaverse and in each connected system: the fold of its events in the order of
// (occurred, sequence), over what was known at the watermark.
import { formatMicros } from '../../ingest/clock.ts';
import type { ChangeEvent, EventValue } from '../../ingest/event.ts';
import { MOST_ROWS, type QueryContext, readEvents, WITHOUT_EFFECT } from './context.ts';
import { findFirstLinks, ownEvents } from './history.ts';

export interface StateValue {
  value: string;
  reference: string | undefined;
  since: number;
  setBy: number;
  initiator: string | undefined;
}

export interface AttributeState {
  name: string;
  type: string;
  marks: number;
  values: StateValue[];
}

export interface SystemState {
  /** '' is the metaverse. */
  agent: string;
  entry: string | undefined;
  dn: string | undefined;
  anchor: string | undefined;
  attributes: AttributeState[];
}

const SYSTEM_STAGES = ['import', 'export'];
const METAVERSE_STAGES = ['import-flow', 'recall', 'deletion', 'projection'];

export async function findState(context: QueryContext, object: string, at: number): Promise<SystemState[]> {
  const links = await findFirstLinks(context, object);
  const { inners, params } = ownEvents(
    links,
    "stage IN {stages:Array(String)} AND outcome NOT IN {without_effect:Array(String)} AND occurred_at <= {at:DateTime64(6, 'UTC')} AND sequence < {watermark:UInt64}",
  );
  const inner = `SELECT sequence FROM (${inners.join(' UNION ALL ')}) LIMIT ${MOST_ROWS}`;
  const events = await readEvents(
    context,
    inner,
    {
      ...params,
      object,
      stages: [...SYSTEM_STAGES, ...METAVERSE_STAGES],
      without_effect: WITHOUT_EFFECT,
      at: formatMicros(at),
    },
    'ASC',
  );
  return foldState(events.sort((a, b) => a.occurredAt - b.occurredAt || a.sequence - b.sequence));
}

interface Folded extends Omit<SystemState, 'attributes'> {
  attributes: Map<string, AttributeState>;
}

/** Folds events in the order given into the state of each system; a system whose object is gone is not listed. */
export function foldState(events: readonly ChangeEvent[]): SystemState[] {
  const systems = new Map<string, Folded>();
  for (const event of events) {
    const inSystem = SYSTEM_STAGES.includes(event.stage);
    const key = inSystem ? `${event.agent}\n${event.entry}` : '';
    if (event.operation === 'delete') {
      systems.delete(key);
      continue;
    }
    const before = systems.get(key);
    const state: Folded = before ?? {
      agent: inSystem ? (event.agent ?? '') : '',
      entry: inSystem ? event.entry : undefined,
      dn: undefined,
      anchor: undefined,
      attributes: new Map(),
    };
    if (inSystem) Object.assign(state, { dn: event.dn ?? state.dn, anchor: event.anchor ?? state.anchor });
    for (const value of event.values)
      if (!(inSystem && value.attribute === 'dn')) apply(state.attributes, value, event);
    systems.set(key, state);
  }
  return [...systems.values()]
    .map((state) => ({
      ...state,
      attributes: [...state.attributes.values()]
        .filter(({ values }) => values.length > 0)
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    }))
    .sort((a, b) => (a.agent < b.agent ? -1 : 1));
}

function apply(attributes: Map<string, AttributeState>, change: EventValue, event: ChangeEvent): void {
  const state = attributes.get(change.attribute) ?? {
    name: change.attribute,
    type: change.type,
    marks: change.marks,
    values: [],
  };
  if (change.operation !== 'add') state.values = state.values.filter(({ value }) => value !== change.old);
  if (change.operation !== 'remove' && change.new !== undefined) {
    state.values = state.values.filter(({ value }) => value !== change.new);
    state.values.push({
      value: change.new,
      reference: change.reference,
      since: event.occurredAt,
      setBy: event.sequence,
      initiator: event.initiator,
    });
  }
  attributes.set(change.attribute, { ...state, type: change.type, marks: change.marks });
}
