// The live state as the log can tell it: binary and large values as their size and hash.

import { causeIn } from '../cause.ts';
import type { Configuration } from '../configuration/model.ts';
import type { AttributeType } from '../connector.ts';
import { shown } from '../difference.ts';
import {
  type AgentState,
  type Entry,
  type Held,
  type HeldAttributes,
  KINDS,
  type MetaverseObject,
  type PendingExport,
} from '../space.ts';

export type TypeOf = (attribute: string) => AttributeType;

/** The types of the attributes of a value of the state. */
export function typesOf(kind: string, value: unknown, configuration: Configuration): TypeOf {
  const of = value as Entry & MetaverseObject;
  const schema =
    kind === KINDS.entry
      ? configuration.agents.get(of.agent)?.types.get(of.type)?.schema
      : configuration.metaverse.get(of.type);
  return (name) => schema?.attributes.get(name)?.type ?? 'string';
}

/** A value of the state in the form in which the log can tell it; undefined where that is as good as none. */
export function asLogged(kind: string, value: unknown, configuration: Configuration): unknown {
  if (value === undefined) return undefined;
  if (kind === KINDS.entry) return entryAsLogged(value as Entry, configuration);
  if (kind === KINDS.object) return objectAsLogged(value as MetaverseObject, configuration);
  // Of an agent that has imported nothing there is nothing to know.
  if (kind === KINDS.agent && !(value as AgentState).imported) return undefined;
  return value;
}

function heldAsLogged(held: readonly Held[], type: AttributeType): readonly Held[] {
  return held.map(([value, ...rest]): Held => [shown({ type }, value), ...rest]);
}

function imageAsLogged(attributes: HeldAttributes, typeOf: TypeOf): HeldAttributes {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, held]) => [name, heldAsLogged(held, typeOf(name))] as const),
  );
}

function entryAsLogged(entry: Entry, configuration: Configuration): Entry {
  const typeOf = typesOf(KINDS.entry, entry, configuration);
  const plainAsLogged = (attributes: Record<string, readonly string[]>) =>
    Object.fromEntries(
      Object.entries(attributes).map(
        ([name, values]) => [name, values.map((value) => shown({ type: typeOf(name) }, value))] as const,
      ),
    );
  const change = (pending: PendingExport) => ({ ...pending, attributes: plainAsLogged(pending.attributes) });
  const { wanted, retry, cause, ...rest } = entry;
  const { image, pendingExport, escrowed, unconfirmed } = rest;
  // Earlier versions kept more of these than anybody asked for.
  const isReported = configuration.agents.get(entry.agent)?.drift === 'report';
  return {
    ...rest,
    ...(retry && { retry: { ...causeIn(retry), ...(retry.outward === true && { outward: true }) } }),
    ...(cause && { cause: causeIn(cause) }),
    image: imageAsLogged(image, typeOf),
    ...(pendingExport && { pendingExport: change(pendingExport) }),
    ...(escrowed && { escrowed: { ...escrowed, change: change(escrowed.change) } }),
    ...(unconfirmed && { unconfirmed: { ...unconfirmed, attributes: imageAsLogged(unconfirmed.attributes, typeOf) } }),
    ...(wanted && isReported && { wanted: plainAsLogged(wanted) }),
  };
}

function objectAsLogged(object: MetaverseObject, configuration: Configuration): unknown {
  const typeOf = typesOf(KINDS.object, object, configuration);
  const attributes = Object.entries(object.attributes).map(
    ([name, held]) => [name, { ...held, values: heldAsLogged(held.values, typeOf(name)) }] as const,
  );
  const losers = Object.entries(object.losers).map(([name, texts]) => [
    name,
    Object.fromEntries(
      Object.entries(texts).map(([entry, text]) => [
        entry,
        (JSON.parse(text) as string[]).map((value) => shown({ type: typeOf(name) }, value)),
      ]),
    ),
  ]);
  return { ...object, attributes: Object.fromEntries(attributes), losers: Object.fromEntries(losers) };
}
