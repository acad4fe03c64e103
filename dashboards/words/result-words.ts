// MIM's step results in plain words, and how much they matter.
import { spellOut } from './outcome-words.ts';

export type Tone = 'good' | 'warn' | 'bad' | 'neutral';

const PLAIN: Readonly<Record<string, string>> = {
  success: 'Success',
  'in-progress': 'Running',
  'completed-sync-errors': 'Completed, with synchronisation errors',
  'completed-export-errors': 'Completed, with export errors',
  'completed-discovery-errors': 'Completed, with entries that could not be read',
  'completed-warnings': 'Completed, with warnings',
  'completed-no-objects': 'Completed, there were no objects',
  'completed-transient-objects': 'Completed, objects remain in between',
  'stopped-deletion-limit': 'Stopped: too many deletions',
  'stopped-object-limit': 'Stopped: too many objects',
  'stopped-error-limit': 'Stopped: too many errors',
  'stopped-connectivity': 'Stopped: connection lost',
  'stopped-database-connection-lost': 'Stopped: ClickHouse was away for too long',
  'stopped-database-disk-full': 'Stopped: the disk of the log is nearly full',
  'stopped-user-termination-from-wmi-or-ui': 'Stopped by a person',
  'stopped-service-shutdown': 'Stopped: service shut down',
  'no-start-connection': 'Not started: no connection',
  'no-start-credentials': 'Not started: credentials refused',
  'no-start-file-not-found': 'Not started: file not found',
  'no-start-full-import-required': 'Not started: a full import is needed first',
};

export function describeResult(result: string): string {
  return PLAIN[result] ?? spellOut(result);
}

export function judgeResult(result: string): Tone {
  if (result === 'success') return 'good';
  if (result === 'in-progress') return 'neutral';
  return result.startsWith('completed') ? 'warn' : 'bad';
}

const STEP_KINDS: Readonly<Record<string, string>> = {
  'full-import': 'Full import',
  'delta-import': 'Delta import',
  'full-synchronization': 'Full synchronisation',
  'delta-synchronization': 'Delta synchronisation',
  'full-synchronisation': 'Full synchronisation',
  'delta-synchronisation': 'Delta synchronisation',
  export: 'Export',
};

export function describeStepKind(kind: string): string {
  return STEP_KINDS[kind] ?? spellOut(kind);
}
