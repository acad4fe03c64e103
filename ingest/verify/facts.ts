// Events that the check itself has to know: of runs, of what was erased, of what expired, of new keys.
import type { Row } from './row.ts';

const STAGES = ['run', 'erasure', 'retention'];

export const FACTS_SQL = `(stage IN ('run', 'erasure', 'retention') OR (stage = 'configuration' AND startsWith(toString(outcome), 'checkpoint-key-')))`;

export function isFact({ stage, outcome }: Row): boolean {
  return STAGES.includes(stage) || (stage === 'configuration' && outcome.startsWith('checkpoint-key-'));
}
