// A change event of the log as events of OCSF 1.8. One change is one OCSF event, but that each member which a group gains or
// loses, and each entitlement of a user, is one of its own, for a rule of a SIEM looks for one user and one group. What OCSF
// has no place for stands in `unmapped`, in the log's own words; a value that whoever asks may not see is said to be withheld.
import { isIP } from 'node:net';
import type { Configuration } from '../../engine/configuration/model.ts';
import { formatIso } from '../../ingest/clock.ts';
import { type ChangeEvent, type EventValue, MARKS } from '../../ingest/event.ts';
import { plainChange } from '../feeds/plain-change.ts';
import type { Reference } from '../queries/results.ts';
import type { SeenValue } from '../queries/sight.ts';
import { VERSION } from '../version.ts';
import { type Activity, activityOf, classify, grantActivity, isEnabling } from './classification.ts';
import { attestationOf, type Integrity, proofOf } from './record-integrity.ts';
import { kindOfObject, type Subject, subjectOf } from './subject.ts';

export const OCSF_VERSION = '1.8.0';
/** The first version that has the profile `record_integrity`. */
export const INTEGRITY_VERSION = '1.9.0-dev';

export interface Told {
  configuration: Configuration;
  /** What the objects that values refer to are called. */
  named: ReadonlyMap<string, Reference>;
  /** Of the events that are to be attested. */
  integrity?: ReadonlyMap<number, Integrity> | undefined;
}

/** One OCSF event. */
export interface OcsfEvent {
  /** The same whenever it is asked for. */
  uid: string;
  sequence: number;
  /** The place of its value among those of the change; -1: it is about the change as a whole. */
  ordinal: number;
  body: Record<string, unknown>;
}

export function* mapToOcsf(event: ChangeEvent, told: Told): Generator<OcsfEvent, void, undefined> {
  const subject = subjectOf(event, told.configuration);
  const grants = new Set(event.values.filter((value) => isGrant(value, subject)));
  const rest = event.values.filter((value) => !grants.has(value));
  const isWhole = event.operation !== 'update' || rest.length > 0 || grants.size === 0;
  const uid = `${event.log}/${event.sequence}`;
  const { sequence } = event;
  if (isWhole) {
    const body = { ...bodyOf(event, told, subject, uid, activityOf(event, subject)), ...targetOf(event, subject) };
    yield { uid, sequence, ordinal: -1, body: { ...body, unmapped: unmappedOf(event, rest, told) } };
  }
  for (const [ordinal, value] of event.values.entries())
    if (grants.has(value)) {
      const each = `${uid}/${ordinal}`;
      yield { uid: each, sequence, ordinal, body: grantBody(event, told, subject, each, value) };
    }
}

/** A withheld one is not: without who it is about, it would be an event about nobody. */
function isGrant(value: SeenValue, { kind }: Subject): boolean {
  if ((value.marks & MARKS.entitlement) === 0 || isEnabling(value) || value.withheld) return false;
  return kind === 'user' || (kind === 'group' && value.type === 'reference');
}

function grantBody(event: ChangeEvent, told: Told, subject: Subject, uid: string, value: EventValue) {
  const { configuration, named } = told;
  const reference = value.reference === undefined ? undefined : named.get(value.reference);
  const text = value.new ?? value.old ?? '';
  const name = reference?.name ?? text;
  const isSubgroup = reference?.type !== undefined && kindOfObject(reference.type, configuration) === 'group';
  const activity = grantActivity(value, subject.kind === 'group' ? 3006 : 3005, isSubgroup);
  const body = bodyOf(event, told, subject, uid, activity);
  const unmapped = unmappedOf(event, [value], told);
  if (subject.kind === 'user') return { ...body, user: userOf(event, subject), privileges: [name], unmapped };
  const member = { name, uid: value.reference ?? text };
  return { ...body, group: groupOf(event, subject), [isSubgroup ? 'subgroup' : 'user']: member, unmapped };
}

function bodyOf(event: ChangeEvent, told: Told, subject: Subject, uid: string, activity: Activity) {
  const integrity = told.integrity?.get(event.sequence);
  const isAccess = activity.isGrant || (subject.kind === 'user' && event.values.some(isEnabling));
  const system = event.agent === undefined ? 'Metatrail' : event.agent;
  return {
    ...classify(event, activity, isAccess),
    time: Math.floor(event.occurredAt / 1000),
    message: `${event.stage}: ${event.outcome} (${system})`,
    metadata: {
      version: integrity ? INTEGRITY_VERSION : OCSF_VERSION,
      product: { name: 'Metatrail', vendor_name: 'Metatrail', version: VERSION },
      uid,
      original_event_uid: `${event.log}/${event.sequence}`,
      correlation_uid: `${event.log}/${event.root}`,
      event_code: `${event.stage}/${event.outcome}`,
      sequence: event.sequence,
      log_name: event.log,
      original_time: formatIso(event.occurredAt),
      logged_time: Math.floor(event.recordedAt / 1000),
      ...(integrity && { profiles: ['record_integrity'] }),
    },
    actor: actorOf(event),
    ...(event.address !== undefined && isIP(event.address) !== 0 && { src_endpoint: { ip: event.address } }),
    ...(integrity && { attestation_list: [attestationOf(event.log, integrity)] }),
  };
}

/** Who caused it, and what carried it out. */
function actorOf({ initiator, performer }: ChangeEvent) {
  return {
    ...(initiator !== undefined && { user: { name: initiator } }),
    app_name: performer ?? 'Metatrail',
  };
}

/** The user, the group or the entity that it was done to. */
function targetOf(event: ChangeEvent, subject: Subject): Record<string, unknown> {
  const { kind, isEntry } = subject;
  if (kind === 'group') return { group: groupOf(event, subject) };
  const user = kind === 'user' ? userOf(event, subject) : undefined;
  if (isEntry && user) return { user };
  const { object, entry, objectName, objectType, stage } = event;
  const entity = {
    uid: object ?? entry ?? `${event.log}/${event.run ?? event.sequence}`,
    ...(objectName !== undefined && { name: objectName }),
    ...(user ? { type_id: 2, type: 'User', user } : { type_id: 99, type: objectType ?? stage }),
  };
  return { entity };
}

function userOf({ object, entry, objectName, anchor, dn, agent }: ChangeEvent, { isEntry }: Subject) {
  const name = isEntry ? (anchor ?? objectName) : objectName;
  const uid = isEntry ? (entry ?? object) : (object ?? entry);
  return {
    type_id: 1,
    type: 'User',
    ...(name !== undefined && { name }),
    ...(uid !== undefined && { uid }),
    ...(isEntry && object !== undefined && { uid_alt: object }),
    ...(objectName !== undefined && { full_name: objectName }),
    ...(isEntry && agent !== undefined && { domain: agent }),
    ...(dn !== undefined && { ldap_person: { ldap_dn: dn } }),
  };
}

function groupOf({ object, entry, objectName, anchor, agent }: ChangeEvent, { isEntry }: Subject) {
  const name = objectName ?? anchor;
  return {
    uid: object ?? entry,
    ...(name !== undefined && { name }),
    ...(isEntry && agent !== undefined && { domain: agent }),
  };
}

/** In the log's own words. Times have microseconds here; elsewhere OCSF has milliseconds. */
function unmappedOf(event: ChangeEvent, values: readonly SeenValue[], told: Told): Record<string, unknown> {
  const { log: _, sequence: __, initiator: ___, performer: ____, error: _____, ...facts } = plainChange(event, values);
  const integrity = told.integrity?.get(event.sequence);
  return { ...facts, ...(integrity && proofOf(integrity)) };
}
