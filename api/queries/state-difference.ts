// What differs between two states of an object, each at an instant of its own and as of a watermark of its own: what changed
// between two instants, or what was known then of an instant against what is known now of the same.
import type { ChangeEvent } from '../../ingest/event.ts';
import { type QueryContext, stageOf } from './context.ts';
import {
  type AttributeState,
  readState,
  type StateValue,
  SYSTEM_STAGES,
  type SystemState,
  withhold,
} from './object-state.ts';
import { isWithheld } from './sight.ts';

/** A value that was there in the first state and is not in the second. */
export interface GoneValue extends StateValue {
  /**
   * The change that took it away; undefined: none that the second state knows of (it is of before the value came, or the entry
   * belonged to somebody else by then).
   */
  gone: { at: number; by: number; initiator: string | undefined } | undefined;
}

/** A value of both states, as it is in the second. */
export interface StayedValue extends StateValue {
  /** The change that had set it in the first state: another where it was taken away and came back, or is known better. */
  setBefore: number;
}

export interface AttributeDifference {
  name: string;
  type: string;
  marks: number;
  gone: GoneValue[];
  came: StateValue[];
  stayed: StayedValue[];
}

/** What is told of a system's entry, or of the metaverse's object, beside its attributes. */
export type Place = Pick<SystemState, 'dn' | 'anchor' | 'joined'>;

export interface SystemDifference {
  /** '' is the metaverse. */
  agent: string;
  entry: string | undefined;
  /** undefined: it was not there. */
  before: Place | undefined;
  after: Place | undefined;
  attributes: AttributeDifference[];
}

/** One of the two states: an instant, and what is known of it. */
export interface StateOf {
  context: QueryContext;
  at: number;
}

/** What differs, in each system and in the metaverse; what is the same in both is told as such. */
export async function findDifference(object: string, before: StateOf, after: StateOf): Promise<SystemDifference[]> {
  const [first, second] = await Promise.all([before, after].map(({ context, at }) => readState(context, object, at)));
  if (!first || !second) return [];
  const systems = compareStates(first.systems, second.systems, second.events);
  return systems.map((system) => ({
    ...system,
    attributes: system.attributes.map((each) => seenDifference(after.context, each)),
  }));
}

function seenDifference({ sight }: QueryContext, each: AttributeDifference): AttributeDifference {
  if (!isWithheld(sight, each.name, each.marks)) return each;
  return {
    ...each,
    gone: each.gone.map(withhold),
    came: each.came.map(withhold),
    stayed: each.stayed.map(withhold),
  };
}

const keyOf = ({ agent, entry }: Pick<SystemState, 'agent' | 'entry'>) => `${agent}\n${entry ?? ''}`;

/** `events`: those that made the second state, in their order. */
export function compareStates(
  before: readonly SystemState[],
  after: readonly SystemState[],
  events: readonly ChangeEvent[],
): SystemDifference[] {
  const firsts = new Map(before.map((state) => [keyOf(state), state]));
  const seconds = new Map(after.map((state) => [keyOf(state), state]));
  const all = new Map([...firsts, ...seconds]);
  const takenAway = findTakenAway(events);
  return [...all]
    .map(([key, { agent, entry }]) => {
      const [first, second] = [firsts.get(key), seconds.get(key)];
      return {
        agent,
        entry,
        before: first && placeOf(first),
        after: second && placeOf(second),
        attributes: compareAttributes(first?.attributes ?? [], second?.attributes ?? [], (attribute, value) =>
          takenAway(key, attribute, value),
        ),
      };
    })
    .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

const placeOf = ({ dn, anchor, joined }: SystemState): Place => ({ dn, anchor, joined });

type TakenAway = (attribute: string, value: StateValue) => GoneValue['gone'];

function compareAttributes(
  before: readonly AttributeState[],
  after: readonly AttributeState[],
  takenAway: TakenAway,
): AttributeDifference[] {
  const firsts = new Map(before.map((state) => [state.name, state]));
  const seconds = new Map(after.map((state) => [state.name, state]));
  return [...new Map([...firsts, ...seconds])]
    .map(([name, { type, marks }]) => {
      const had = new Map(firsts.get(name)?.values.map((value) => [value.value, value]));
      const has = new Map(seconds.get(name)?.values.map((value) => [value.value, value]));
      return {
        name,
        type,
        marks,
        gone: [...had.values()]
          .filter(({ value }) => !has.has(value))
          .map((value) => ({ ...value, gone: takenAway(name, value) })),
        came: [...has.values()].filter(({ value }) => !had.has(value)),
        stayed: [...has.values()].flatMap((value) => {
          const first = had.get(value.value);
          return first ? [{ ...value, setBefore: first.setBy }] : [];
        }),
      };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The last event that took a value away after it was set, with the whole object or alone. */
function findTakenAway(events: readonly ChangeEvent[]) {
  const bySystem = Map.groupBy(events, (event) =>
    SYSTEM_STAGES.includes(stageOf(event)) ? `${event.agent ?? ''}\n${event.entry ?? ''}` : '\n',
  );
  return (system: string, attribute: string, { value, setBy }: StateValue): GoneValue['gone'] => {
    const its = bySystem.get(system) ?? [];
    const set = its.findIndex(({ sequence }) => sequence === setBy);
    if (set < 0) return undefined;
    const event = its
      .slice(set + 1)
      .findLast(
        ({ operation, values }) =>
          operation === 'delete' ||
          values.some((each) => each.attribute === attribute && each.operation !== 'add' && each.old === value),
      );
    return event && { at: event.occurredAt, by: event.sequence, initiator: event.initiator };
  };
}
