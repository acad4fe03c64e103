// Questions that were asked of the log, and what became of them, in plain words.
import type { Tone } from './result-words.ts';

const ASKED: Readonly<Record<string, string>> = {
  overview: 'The overview',
  agents: 'The systems and their last runs',
  runs: 'Runs',
  run: 'One run',
  changes: 'Changes',
  change: 'One change',
  objects: 'Objects, by name',
  objectCount: 'How many objects',
  object: 'One object',
  holders: 'Who holds an entitlement',
  reads: 'Who looked',
  report: 'A report',
  feed: 'The months of a feed',
  bundle: 'Rows for a bundle',
  backup: 'A backup, of everything',
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
