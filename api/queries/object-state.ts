// An object's state at an instant, in the metaverse and in each connected system: the fold of its events in the order of
// (occurred, sequence), over what was known at the watermark.
import { formatMicros } from '../../ingest/clock.ts';
import type { ChangeEvent, EventValue } from '../../ingest/event.ts';
import { asHeld, isOf, type QueryContext, readEvents, STAGE, stageOf, WITHOUT_EFFECT } from './context.ts';
import { ownerAt, readLinks } from './links.ts';
import { isWithheld } from './sight.ts';

export interface StateValue {
  value: string;
  reference: string | undefined;
  since: number;
  setBy: number;
  initiator: string | undefined;
  /** It is there, and is not told: `value` is empty. */
  withheld?: boolean;
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
  /** false: an entry that the object was not linked to then: before its join, or after it was let go. */
  joined: boolean;
  attributes: AttributeState[];
}

export const SYSTEM_STAGES = ['import', 'export'];
const METAVERSE_STAGES = ['import-flow', 'recall', 'deletion', 'projection'];

const IN_EFFECT =
  "outcome NOT IN {without_effect:Array(String)} AND occurred_at <= {at:DateTime64(6, 'UTC')} AND sequence < {watermark:UInt64}";

/** An entry counts with the object that it was linked to then, and with all that happened to it before that. */
export async function findState(context: QueryContext, object: string, at: number): Promise<SystemState[]> {
  const { systems } = await readState(context, object, at);
  return systems.map((system) => ({
    ...system,
    attributes: system.attributes.map((state) => seenState(context, state)),
  }));
}

/** The same with every value, and with the events that made it, in their order: what is withheld is for whoever tells of it. */
export async function readState(
  context: QueryContext,
  object: string,
  at: number,
): Promise<{ systems: SystemState[]; events: ChangeEvent[] }> {
  const held = asHeld(context, at);
  const links = await readLinks(held, [object]);
  const owned = new Map<string, boolean>();
  for (const [entry, itsLinks] of links) {
    const owner = ownerAt(itsLinks, at);
    if (owner?.object === object) owned.set(entry, owner.joined);
  }
  const inner = `SELECT sequence FROM events WHERE ${isOf('object', '[{object:UUID}]')} AND ${STAGE} IN {metaverse_stages:Array(String)} AND ${IN_EFFECT}
    UNION ALL SELECT sequence FROM events WHERE ${isOf('entry', '{entries:Array(UUID)}')} AND ${STAGE} IN {system_stages:Array(String)} AND ${IN_EFFECT}`;
  const events = await readEvents(
    held,
    inner,
    {
      object,
      entries: [...owned.keys()],
      metaverse_stages: METAVERSE_STAGES,
      system_stages: SYSTEM_STAGES,
      without_effect: WITHOUT_EFFECT,
      at: formatMicros(at),
    },
    'ASC',
    // Which value an event took away is told by its text: withheld is what is left.
    (_, event) => event,
  );
  events.sort((a, b) => a.occurredAt - b.occurredAt || a.sequence - b.sequence);
  return { systems: foldState(events, owned), events };
}

function seenState({ sight }: QueryContext, state: AttributeState): AttributeState {
  if (!isWithheld(sight, state.name, state.marks)) return state;
  return { ...state, values: state.values.map(withhold) };
}

/** What is told of a value that is there and may not be seen. */
export function withhold<T extends StateValue>(value: T): T {
  return { ...value, value: '', reference: undefined, withheld: true };
}

interface Folded extends Omit<SystemState, 'attributes'> {
  attributes: Map<string, AttributeState>;
}

/**
 * Folds events in the order given into the state of each system; a system whose object is gone is not listed. `joined`:
 * the entries, and whether each was a connector.
 */
export function foldState(events: readonly ChangeEvent[], joined: ReadonlyMap<string, boolean>): SystemState[] {
  const systems = new Map<string, Folded>();
  for (const event of events) {
    const inSystem = SYSTEM_STAGES.includes(stageOf(event));
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
      joined: !inSystem || joined.get(event.entry ?? '') === true,
      attributes: new Map(),
    };
    if (inSystem) Object.assign(state, { dn: event.dn ?? state.dn, anchor: event.anchor ?? state.anchor });
    // Whom a projected object follows is no attribute of it, nor is its DN of an entry.
    for (const value of event.values)
      if (!(inSystem && value.attribute === 'dn') && stageOf(event) !== 'projection')
        apply(state.attributes, value, event);
    systems.set(key, state);
  }
  return [...systems.values()]
    .map((state) => ({
      ...state,
      attributes: [...state.attributes.values()]
        .filter(({ values }) => values.length > 0)
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    }))
    .sort((a, b) => compare(a.agent, b.agent) || compare(a.entry ?? '', b.entry ?? ''));
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
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
