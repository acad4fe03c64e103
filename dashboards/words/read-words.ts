// Questions that were asked of the log, and what became of them, in plain words.
import type { Tone } from './result-words.ts';

const ASKED: Readonly<Record<string, string>> = {
  overview: 'The overview',
  agents: 'The systems and their last runs',
  runs: 'Runs',
  run: 'One run, or to run a profile',
  changes: 'Changes',
  changesByDay: 'Changes, counted by day',
  change: 'One change',
  objects: 'Objects, by name',
  objectCount: 'How many objects',
  object: 'One object',
  holders: 'Who holds an entitlement',
  reads: 'Who looked',
  report: 'A report',
  export: 'An export',
  exportEnd: 'How an export ended',
  feed: 'The months of a feed',
  bundle: 'Rows for a bundle',
  backup: 'A backup, of everything',
  replay: 'A copy with the state rebuilt, of everything',
  holds: 'Legal holds',
  addHold: 'To begin a legal hold',
  removeHold: 'To end a legal hold',
  erasurePlan: 'What an erasure would do',
  erase: 'To erase a person',
  certifyErasure: 'A certificate of erasure',
  retentionPlan: 'What has expired',
  applyRetention: 'To let go what has expired',
  rotateCheckpointKey: 'To take a new key for checkpoints',
};

export const QUESTIONS: readonly string[] = Object.keys(ASKED);

export function describeQuestion(question: string): string {
  return ASKED[question] ?? question;
}

const BECAME: Readonly<Record<string, { plain: string; tone: Tone }>> = {
  answered: { plain: 'Answered', tone: 'neutral' },
  refused: { plain: 'Refused', tone: 'warn' },
  failed: { plain: 'Failed', tone: 'bad' },
};

export const READ_OUTCOMES: readonly string[] = Object.keys(BECAME);

export function describeReadOutcome(outcome: string): string {
  return BECAME[outcome]?.plain ?? outcome;
}

export function judgeReadOutcome(outcome: string): Tone {
  return BECAME[outcome]?.tone ?? 'neutral';
}
