// Outcomes in plain words. The technical names are MIM's counters and stay visible beside them: an investigator searches
// for those. An outcome that is not listed is shown by its name.

/** By stage, where one outcome means different things in different stages. */
const BY_STAGE: Readonly<Record<string, string>> = {
  'export-flow/connector-flow': 'Change staged for export',
  'export-flow/connector-no-flow': 'Nothing to export',
  'export-flow/provisioned-add-flow': 'New account staged for export',
  'configuration/configuration-changed': 'Configuration changed',
  'configuration/checkpoint-key-rotated': 'New key for signing checkpoints',
  'configuration/checkpoint-key-replaced': 'Lost key for signing checkpoints replaced',
  'configuration/token-created': 'An API token was made',
  'alert/alert-raised': 'An alert found what it looks for',
  'alert/alert-sent': 'Somebody was told of an alert',
  'alert/alert-failed': 'Somebody could not be told of an alert',
  'alert/alert-acknowledged': 'Somebody acknowledged an alert',
  'configuration/token-revoked': 'An API token was revoked',
  'configuration/session-revoked': 'Somebody was signed out by an administrator',
  'confirmation/stage-no-change': 'Export confirmed',
  'configuration/clock-set-back': "The machine's clock was set back",
  'erasure/person-erased': 'A person was erased',
  'erasure/erasure-certified': 'An erasure was certified',
  'erasure/reads-expired': 'Texts of questions were erased',
  'retention/partition-expired': 'A part of the log has expired',
  'retention/keys-expired': 'Keys that nothing is under were deleted',
  'retention/hold-added': 'Legal hold began',
  'retention/hold-removed': 'Legal hold ended',
  'retention/set-aside': 'Rows were set aside by a recovery',
  'retention/put-back': 'Rows were put back by a recovery',
  'retention/view-remade': 'A table of a view was made again by a recovery',
  'baseline/state-begins': 'What still holds is carried forward from here',
  'baseline/state-carried-forward': 'Carried forward before its events expired',
};

const PLAIN: Readonly<Record<string, string>> = {
  'stage-add': 'New in the connected system',
  'stage-update': 'Changed in the connected system',
  'stage-rename': 'Renamed in the connected system',
  'stage-delete': 'Gone from the connected system',
  'stage-delete-add': 'Deleted and made anew in the connected system',
  'stage-no-change': 'Unchanged',
  'stage-failure': 'Refused on import',
  'disconnector-filtered': 'Filtered out',
  'disconnector-joined': 'Joined to an object of the metaverse',
  'disconnector-joined-flow': 'Joined, values flowed in',
  'disconnector-joined-no-flow': 'Joined, no value changed',
  'disconnector-joined-remove-mv': 'Joined, object deleted from the metaverse',
  'disconnector-projected': 'New in the metaverse',
  'disconnector-projected-flow': 'New in the metaverse',
  'disconnector-projected-no-flow': 'New in the metaverse, without values',
  'disconnector-projected-remove-mv': 'Projected and deleted again',
  'disconnector-remains': 'Not joined to anything',
  'disconnector-deleted': 'Gone, was never joined',
  'connector-filtered': 'Filtered out, was joined before',
  'connector-filtered-remove-mv': 'Filtered out, object deleted from the metaverse',
  'connector-filtered-leave-mv': 'Filtered out, object stays in the metaverse',
  'connector-flow': 'Values flowed into the metaverse',
  'connector-no-flow': 'No value changed in the metaverse',
  'connector-flow-remove-mv': 'Values flowed, object deleted from the metaverse',
  'connector-delete-remove-mv': 'Gone from its system, object deleted from the metaverse',
  'connector-delete-leave-mv': 'Gone from its system, object stays in the metaverse',
  'connector-delete-add-processed': 'Deleted and made anew, synchronised',
  'flow-failure': 'Attribute flow failed',
  'flow-failure-again': 'Attribute flow failed again',
  'contributor-changed': 'Same value, now from another contributor',
  'unresolved-reference': 'Reference to an entry that is not there',
  'ambiguous-reference': 'Reference that fits more than one entry',
  'reference-not-joined': 'Reference to an entry that is not joined',
  'provisioned-add-flow': 'Account provisioned',
  'provisioned-add-no-flow': 'Account provisioned, without values',
  'provisioned-rename-flow': 'Account to be renamed and changed',
  'provisioned-rename-no-flow': 'Account to be renamed',
  'provisioned-delete-add-flow': 'Account to be made anew',
  'provisioned-delete-add-no-flow': 'Account to be made anew, without values',
  'provisioned-reconnect': 'Former account connected again',
  'provisioned-disconnect': 'Account disconnected',
  'deprovisioned-delete': 'Account to be deleted',
  'deprovisioned-disconnect': 'Account left alone, no longer managed',
  'export-add': 'Created by export',
  'export-update': 'Changed by export',
  'export-rename': 'Renamed by export',
  'export-delete': 'Deleted by export',
  'export-delete-add': 'Deleted and created by export',
  'export-failure': 'Export refused by the connected system',
  'export-intent': 'About to be exported',
  'export-unconfirmed': 'Export not confirmed yet',
  'export-confirmed': 'Export confirmed',
  'pending-export-withdrawn': 'Pending export withdrawn',
  'exported-change-not-reimported': 'Exported, but not found there afterwards',
  'skipped-not-precedent': 'Lost on precedence',
  'ambiguous-join': 'More than one object to join',
  'could-not-join-due-to-existing-join': 'Its object is joined to another entry already',
  'attribute-recalled': 'Value recalled',
  recalled: 'Value recalled',
  'object-deleted': 'Deleted from the metaverse',
  'out-of-band': 'Changed outside the synchronisation',
  'deletion-stopped': 'Deletion stopped by a fuse',
  'stopped-deletion-limit': 'Stopped: too many deletions',
  'stopped-object-limit': 'Stopped: too many objects',
};

/** The outcomes that the filter offers; others stay filterable by their link. */
export const KNOWN_OUTCOMES: readonly string[] = Object.keys(PLAIN);

/** What happens to no object has outcomes that say little without their stage. */
const STAGES_WITHOUT_OBJECT: Readonly<Record<string, string>> = {
  run: 'Run',
  password: 'Password',
  configuration: 'Configuration',
  baseline: 'Baseline',
  read: 'This log was read',
  retention: 'Retention',
  erasure: 'Erasure',
  alert: 'Alert',
  report: 'Report',
};

/** A plain sentence part for what happened: "Lost on precedence". Stage "" means any. */
export function describeOutcome(stage: string, outcome: string): string {
  const known = BY_STAGE[`${stage}/${outcome}`];
  if (known !== undefined) return known;
  const subject = STAGES_WITHOUT_OBJECT[stage];
  return subject === undefined ? (PLAIN[outcome] ?? spellOut(outcome)) : `${subject}: ${outcome.replaceAll('-', ' ')}`;
}

const RUN_OPERATIONS: Readonly<Record<string, string>> = { start: 'started', finish: 'finished', stop: 'stopped' };

/** The same for a whole change: the start and end of a run or of one of its steps are told by their operation. */
export function describeChange(change: ChangeNamed): string {
  if (change.stage !== 'run') return describeOutcome(change.stage, change.outcome);
  const what = change.step === null ? 'Run' : `Step ${change.step}`;
  const happened = `${what} ${RUN_OPERATIONS[change.operation] ?? change.operation}`;
  return /^(in-progress|success)$/.test(change.outcome)
    ? happened
    : `${happened}: ${change.outcome.replaceAll('-', ' ')}`;
}

interface ChangeNamed {
  stage: string;
  operation: string;
  outcome: string;
  step: number | null;
}

/** some-technical-name as Some technical name. */
export function spellOut(name: string): string {
  const text = name.replaceAll('-', ' ').trim();
  return text === '' ? '—' : text.charAt(0).toUpperCase() + text.slice(1);
}
