// Class, activity, status and severity of an OCSF event, with the captions that the schema gives them.
import { type ChangeEvent, type EventValue, MARKS } from '../../ingest/event.ts';
import { WITHOUT_EFFECT } from '../queries/context.ts';
import type { Subject } from './subject.ts';

/** The classes of Identity & Access Management (category 3) that are used, with those of their activities that are. */
export const CLASSES = {
  3001: {
    name: 'Account Change',
    activities: { 1: 'Create', 2: 'Enable', 3: 'Password Change', 5: 'Disable', 6: 'Delete' },
  },
  3004: { name: 'Entity Management', activities: { 1: 'Create', 2: 'Read', 3: 'Update', 4: 'Delete', 5: 'Move' } },
  3005: { name: 'User Access Management', activities: { 1: 'Assign Privileges', 2: 'Revoke Privileges' } },
  3006: {
    name: 'Group Management',
    activities: { 3: 'Add User', 4: 'Remove User', 5: 'Delete', 6: 'Create', 7: 'Add Subgroup', 8: 'Remove Subgroup' },
  },
} as const;
export type ClassUid = keyof typeof CLASSES;

const CATEGORY = { uid: 3, name: 'Identity & Access Management' };
const OTHER = 99;
const SEVERITIES = { 1: 'Informational', 3: 'Medium', 4: 'High' } as const;
const STATUSES = { 1: 'Success', 2: 'Failure', 99: 'Other' } as const;

export interface Activity {
  classUid: ClassUid;
  activityId: number;
  /** Of an activity that the class has no number for. */
  activityName?: string | undefined;
  /** Somebody gained or lost an entitlement. */
  isGrant?: true;
}

/** What was done to the subject as a whole. */
export function activityOf(event: ChangeEvent, { kind, isEntry }: Subject): Activity {
  if (kind === 'group') return named(3006, groupActivity(event), event);
  if (kind === 'user' && isEntry) return named(3001, accountActivity(event), event);
  return named(3004, entityActivity(event), event);
}

/** That a group gained or lost a member, or a user an entitlement. */
export function grantActivity(value: EventValue, classUid: 3005 | 3006, isSubgroup: boolean): Activity {
  const isAdded = value.operation !== 'remove';
  if (classUid === 3005) return { classUid, activityId: isAdded ? 1 : 2, isGrant: true };
  const [add, remove] = isSubgroup ? [7, 8] : [3, 4];
  return { classUid, activityId: isAdded ? add : remove, isGrant: true };
}

function named(classUid: ClassUid, activityId: number | undefined, { operation }: ChangeEvent): Activity {
  if (activityId !== undefined) return { classUid, activityId };
  return { classUid, activityId: OTHER, activityName: operation === 'none' ? 'Other' : capital(operation) };
}

const capital = (word: string) => `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`;

function accountActivity({ operation, stage, values }: ChangeEvent): number | undefined {
  if (operation === 'add') return 1;
  if (operation === 'delete') return 6;
  if (stage === 'password') return 3;
  const enabled = values.find(isEnabling);
  if (enabled === undefined) return undefined;
  return enabled.new === 'true' ? 2 : 5;
}

/** An enabled account is itself an entitlement: a boolean that bears its mark. */
export function isEnabling({ type, marks }: EventValue): boolean {
  return type === 'boolean' && (marks & MARKS.entitlement) !== 0;
}

function groupActivity({ operation }: ChangeEvent): number | undefined {
  return operation === 'add' ? 6 : operation === 'delete' ? 5 : undefined;
}

const ENTITY_ACTIVITIES: Readonly<Record<string, number>> = { add: 1, update: 3, delete: 4, rename: 5 };

function entityActivity({ operation, stage }: ChangeEvent): number | undefined {
  return stage === 'read' ? 2 : ENTITY_ACTIVITIES[operation];
}

/** Success is what took effect. What is intended, pending, lost on precedence or carried forward is neither success nor failure. */
function statusOf({ stage, outcome, error }: ChangeEvent): keyof typeof STATUSES {
  if (error !== undefined || outcome.endsWith('failure') || outcome === 'failed' || outcome === 'refused') return 2;
  const isPending = ['export-flow', 'provisioning', 'deprovisioning', 'baseline'].includes(stage);
  return isPending || WITHOUT_EFFECT.includes(outcome) ? 99 : 1;
}

/** High: somebody gained or lost access beside the engine. Medium: any other change beside it, and what failed. */
function severityOf(event: ChangeEvent, isGrant: boolean): keyof typeof SEVERITIES {
  if (event.outOfBand) return isGrant ? 4 : 3;
  return statusOf(event) === 2 ? 3 : 1;
}

/** The attributes of classification, status and severity. */
export function classify(event: ChangeEvent, { classUid, activityId, activityName }: Activity, isGrant: boolean) {
  const { name, activities } = CLASSES[classUid];
  const caption = activityName ?? new Map(Object.entries(activities)).get(String(activityId)) ?? 'Other';
  const statusId = statusOf(event);
  const severityId = severityOf(event, isGrant);
  return {
    category_uid: CATEGORY.uid,
    category_name: CATEGORY.name,
    class_uid: classUid,
    class_name: name,
    activity_id: activityId,
    activity_name: caption,
    type_uid: classUid * 100 + activityId,
    type_name: `${name}: ${activityId === OTHER ? 'Other' : caption}`,
    severity_id: severityId,
    severity: SEVERITIES[severityId],
    status_id: statusId,
    status: statusId === OTHER ? event.outcome : STATUSES[statusId],
    status_code: event.outcome,
    ...(event.error !== undefined && { status_detail: event.error }),
  };
}
