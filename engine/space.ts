// What the engine knows: the connector space (entries) and the metaverse (objects), as values that are never changed in
// place. They are the engine's state in the journal's SQLite file; every change of them comes with the event that says why.
import type { Cause } from './cause.ts';
import type { Attributes } from './connector.ts';

/** A value with the sequence of the event that set it, and the object that it names where it is a reference that resolved. */
export type Held = readonly [value: string, setBy: number, reference?: string];
export type HeldAttributes = Record<string, readonly Held[]>;

/** A change read from the connected system and not yet synchronised. */
export interface PendingImport extends Cause {
  kind: 'add' | 'update' | 'delete';
  /** No export of ours explains it. */
  outOfBand: boolean;
}

/** A synchronisation that is due although nothing was imported. `outward`: also of what follows from the object. */
export interface Retry extends Cause {
  outward?: boolean;
}

/** A change to be made in the connected system (MIM: unapplied export). */
export interface PendingExport {
  kind: 'add' | 'update' | 'rename' | 'delete';
  newDn?: string;
  /** All values after, of each attribute that changes. */
  attributes: Attributes;
  event: number;
  root: number;
  initiator?: string;
  initiatorKnown: 'reported' | 'observed' | 'unknown';
}

/** A change that was sent and not yet seen by an import. `deleted`: the entry itself. */
export interface UnconfirmedExport {
  event: number;
  root: number;
  attributes: HeldAttributes;
  deleted: boolean;
  /** The DN that an add or a rename gave it. */
  dn?: string;
}

/** What was handed to the connector and whose outcome is not known yet (MIM: escrowed export). */
export interface EscrowedExport {
  /** The accepted intent. */
  event: number;
  change: PendingExport;
}

export interface Entry {
  id: string;
  agent: string;
  type: string;
  anchor?: string;
  dn?: string;
  /** In the connected system, as far as we know: imported, or exported with success. */
  exists: boolean;
  /** The image last imported (MIM: pending-import hologram), computed attributes included. */
  image: HeldAttributes;
  pending?: PendingImport;
  pendingExport?: PendingExport;
  /** Its outcome is not known yet; what is pending by now may be something else. */
  escrowed?: EscrowedExport;
  unconfirmed?: UnconfirmedExport;
  /** The metaverse object it is joined to: then it is a connector. */
  object?: string;
  /** The object it was joined to before that object was deleted. */
  lastObject?: string;
  /** drift report: what the export flows last wanted of each attribute. */
  wanted?: Attributes;
  /** normal disconnectors are tried again in every synchronisation, explicit ones never. */
  disconnector: 'normal' | 'filtered' | 'explicit';
  /** The event that made it a connector, or that provisioned it. */
  linkedBy?: number;
  /** The root of that event. */
  linkedRoot?: number;
  /** What join and projection came to the last time, so that only a change of it is an event. */
  lastOutcome?: string;
  /** Reference values that could not be resolved, with the outcome recorded for each. */
  unresolved?: Record<string, string>;
  /** Must be synchronised although nothing was imported: a reference may resolve otherwise now, an export was confirmed. */
  retry?: Retry;
  /** Of a disconnector: what made it look for an object the last time. */
  cause?: Cause;
}

/** One value of a metaverse attribute. A reference holds the id of an object. */
export interface ContributedAttribute {
  values: readonly Held[];
  /** The entry that contributed it, and the flow rule. */
  entry: string;
  rule: string;
  /** Stays when the entry goes. */
  recall: boolean;
}

export interface MetaverseObject {
  id: string;
  type: string;
  attributes: Record<string, ContributedAttribute>;
  /** attribute → entry → the values that lost on precedence, as recorded. */
  losers: Record<string, Record<string, string>>;
  createdBy: number;
}

/** What an agent has done so far. */
export interface AgentState {
  imported: boolean;
  /** The name of the last full image imported. */
  lastImage?: string;
}

export const KINDS = {
  entry: 'entry',
  object: 'object',
  agent: 'agent',
  former: 'former',
  engine: 'engine',
  outstanding: 'outstanding',
} as const;

/** The values of held attributes without their lineage. */
export function plain(attributes: HeldAttributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).map(([name, held]) => [name, held.map(([value]) => value)]));
}

/** What the connected system is expected to hold: the image, with what was sent since. */
export function expectedImage(entry: Entry): HeldAttributes {
  if (!entry.unconfirmed) return entry.image;
  if (entry.unconfirmed.deleted) return {};
  return dropEmpty({ ...entry.image, ...entry.unconfirmed.attributes });
}

/** Whether an import has shown it: an entry that was provisioned and not yet confirmed contributes nothing. */
export function isImported(entry: Entry): boolean {
  return entry.pending?.kind !== 'delete' && Object.keys(entry.image).length > 0;
}

/** The entry with one more reason to be synchronised. */
export function withRetry(entry: Entry, cause: Cause, outward: boolean): Entry {
  return { ...entry, retry: { ...cause, ...((outward || entry.retry?.outward === true) && { outward: true }) } };
}

export function dropEmpty<T>(attributes: Record<string, readonly T[]>): Record<string, readonly T[]> {
  return Object.fromEntries(Object.entries(attributes).filter(([, values]) => values.length > 0));
}
