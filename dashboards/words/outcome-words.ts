// Outcomes in plain words. The technical names are MIM's counters and stay visible beside them: an investigator searches
// for those. An outcome that is not listed is shown by its name.

/** By stage, where one outcome means different things in different stages. */
const BY_STAGE: Readonly<Record<string, string>> = {
  'export-flow/connector-flow': 'Change staged for export',
  'export-flow/connector-no-flow': 'Nothing to export',
  'export-flow/provisioned-add-flow': 'New account staged for export',
  'run/in-progress': 'Run started',
  'run/success': 'Run finished',
  'confirmation/stage-no-change': 'Export confirmed',
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
  'disconnector-joined-flow': 'Joined, values flowed in',
  'disconnector-joined-no-flow': 'Joined, no value changed',
  'disconnector-joined-remove-mv': 'Joined, object deleted from the metaverse',
  'disconnector-projected-flow': 'New in the metaverse',
  'disconnector-projected-no-flow': 'New in the metaverse, without values',
  'disconnector-projected-remove-mv': 'Projected and deleted again',
  'disconnector-remains': 'Not joined to anything',
  'connector-filtered-remove-mv': 'Filtered out, object deleted from the metaverse',
  'connector-filtered-leave-mv': 'Filtered out, object stays in the metaverse',
  'connector-flow': 'Values flowed into the metaverse',
  'connector-no-flow': 'No value changed in the metaverse',
  'connector-flow-remove-mv': 'Values flowed, object deleted from the metaverse',
  'connector-delete-remove-mv': 'Gone from its system, object deleted from the metaverse',
  'connector-delete-leave-mv': 'Gone from its system, object stays in the metaverse',
  'connector-delete-add-processed': 'Deleted and made anew, synchronised',
  'flow-failure': 'Attribute flow failed',
  'provisioned-add-flow': 'Account provisioned',
  'provisioned-add-no-flow': 'Account provisioned, without values',
  'provisioned-rename-flow': 'Account to be renamed and changed',
  'provisioned-rename-no-flow': 'Account to be renamed',
  'provisioned-delete-add-flow': 'Account to be made anew',
  'provisioned-delete-add-no-flow': 'Account to be made anew, without values',
  'provisioned-disconnect': 'Account disconnected',
  deprovisioned: 'Account deprovisioned',
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
  confirmed: 'Export confirmed',
  'exported-change-not-reimported': 'Exported, but not found there afterwards',
  'skipped-not-precedent': 'Lost on precedence',
  'ambiguous-join': 'More than one object to join',
  'join-ambiguous': 'More than one object to join',
  'join-already-joined': 'Already joined to another',
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

/** some-technical-name as Some technical name. */
export function spellOut(name: string): string {
  const text = name.replaceAll('-', ' ').trim();
  return text === '' ? '—' : text.charAt(0).toUpperCase() + text.slice(1);
}
