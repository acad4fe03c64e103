// A unit of work: the events and state changes of one journal batch while it is being built. What is put is visible to
// the next object at once; an object whose rules fail is taken back whole, to its savepoint.
import type { ProposedEvent } from '../ingest/event.ts';
import type { Batch, StateChange } from '../ingest/journal/messages.ts';
import type { StateView } from '../ingest/journal/state.ts';
import type { Cause } from './cause.ts';
import type { Configuration } from './configuration/model.ts';
import type { Counters } from './counters.ts';
import { indexEntry, indexObject } from './indexes.ts';
import { outstandingIndex, outstandingKey, outstandingValue, type Task } from './outstanding.ts';
import { type AgentState, type Entry, KINDS, type MetaverseObject } from './space.ts';

/** What all events of a step have in common. */
export interface StepContext {
  configuration: Configuration;
  configurationSequence: number;
  agent: string;
  run: number;
  step: number;
  stepKind: string;
  /** The run's clock: microseconds. */
  now: () => number;
  occurredAtKnown: 'reported' | 'observed';
  /** Makes the id of a new entry or object. */
  newId: () => string;
  counters: Counters;
}

type EventInput = Pick<ProposedEvent, 'stage' | 'operation' | 'outcome' | 'initiatorKnown' | 'causes'> &
  Partial<ProposedEvent>;

export class Unit {
  readonly base: number;
  readonly context: StepContext;
  readonly #state: StateView;
  readonly #events: ProposedEvent[] = [];
  readonly #changes = new Map<string, StateChange>();
  readonly #undo: (() => void)[] = [];
  /** Of all events. */
  #values = 0;

  constructor(state: StateView, base: number, context: StepContext) {
    this.#state = state;
    this.base = base;
    this.context = context;
  }

  /** The sequence that the next event will have. */
  get next(): number {
    return this.base + this.#events.length;
  }

  /** How many events, values of theirs and changes of the state there are: what the batch costs. */
  get weight(): number {
    return this.#events.length + this.#values + this.#changes.size;
  }

  get batch(): Batch {
    return { events: this.#events, state: [...this.#changes.values()] };
  }

  /** Adds an event with what the step gives it and returns its sequence. It is counted under its outcome. */
  emit(input: EventInput): number {
    const { context } = this;
    const event: ProposedEvent = {
      occurredAt: context.now(),
      occurredAtKnown: context.occurredAtKnown,
      values: [],
      outOfBand: false,
      performer: 'metatrail',
      configuration: context.configurationSequence,
      run: context.run,
      step: context.step,
      stepKind: context.stepKind,
      ...input,
    };
    this.#events.push(event);
    this.#values += event.values.length;
    context.counters.add(event);
    return this.next - 1;
  }

  entry(id: string): Entry | undefined {
    return this.#state.get(KINDS.entry, id) as Entry | undefined;
  }

  object(id: string): MetaverseObject | undefined {
    return this.#state.get(KINDS.object, id) as MetaverseObject | undefined;
  }

  agentState(agent: string): AgentState {
    return (this.#state.get(KINDS.agent, agent) as AgentState | undefined) ?? { imported: false };
  }

  /** The object that an entry with this anchor was joined to before it was deleted. */
  former(key: string): string | undefined {
    return this.#state.get(KINDS.former, key) as string | undefined;
  }

  find(kind: 'entry' | 'object', name: string, value: string): string[] {
    return this.#state.find(kind, name, value);
  }

  putEntry(entry: Entry): void {
    this.#put({
      kind: KINDS.entry,
      key: entry.id,
      value: entry,
      indexed: indexEntry(entry, this.context.configuration),
    });
  }

  removeEntry(id: string): void {
    this.#put({ kind: KINDS.entry, key: id, value: null });
  }

  putObject(object: MetaverseObject): void {
    this.#put({
      kind: KINDS.object,
      key: object.id,
      value: object,
      indexed: indexObject(object, this.context.configuration),
    });
  }

  removeObject(id: string): void {
    this.#put({ kind: KINDS.object, key: id, value: null });
  }

  putAgentState(agent: string, value: AgentState): void {
    this.#put({ kind: KINDS.agent, key: agent, value });
  }

  putFormer(key: string, object: string): void {
    this.#put({ kind: KINDS.former, key, value: object });
  }

  /** Something is to be done, by the agent's synchronisation that this is or by its next. */
  putOutstanding(task: Task, id: string, cause: Cause): void {
    const { agent } = this.context;
    this.#put({
      kind: KINDS.outstanding,
      key: outstandingKey(agent, task, id),
      value: outstandingValue(id, cause),
      indexed: { of: [outstandingIndex(agent, task)] },
    });
  }

  /** It is done, or not necessary any more. */
  removeOutstanding(task: Task, id: string, agent = this.context.agent): void {
    const key = outstandingKey(agent, task, id);
    if (this.#state.get(KINDS.outstanding, key) === undefined) return;
    this.#put({ kind: KINDS.outstanding, key, value: null });
  }

  /** Does the work for one object; when it throws, nothing of it remains and the error goes on. */
  attempt<T>(work: () => T): T {
    const events = this.#events.length;
    const values = this.#values;
    const undone = this.#undo.length;
    const restoreCounters = this.context.counters.mark();
    try {
      return work();
    } catch (error) {
      this.#events.length = events;
      this.#values = values;
      while (this.#undo.length > undone) this.#undo.pop()?.();
      restoreCounters();
      throw error;
    }
  }

  #put(change: StateChange): void {
    const id = `${change.kind}\n${change.key}`;
    const before = this.#changes.get(id);
    const takeBack = this.#state.put(change);
    this.#changes.set(id, change);
    this.#undo.push(() => {
      takeBack();
      if (before) this.#changes.set(id, before);
      else this.#changes.delete(id);
    });
  }
}
