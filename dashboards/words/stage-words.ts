// The stages of synchronisation, in the order in which a change travels, and the colour that stands for each.
import { spellOut } from './outcome-words.ts';

interface StageWords {
  plain: string;
  /** The custom property of styles/colours.css. */
  colour: string;
}

const STAGES: Readonly<Record<string, StageWords>> = {
  import: { plain: 'Import', colour: '--stage-import' },
  filter: { plain: 'Filter', colour: '--stage-filter' },
  join: { plain: 'Join', colour: '--stage-join' },
  projection: { plain: 'Projection', colour: '--stage-projection' },
  'import-flow': { plain: 'Import flow', colour: '--stage-import-flow' },
  recall: { plain: 'Recall', colour: '--stage-recall' },
  provisioning: { plain: 'Provisioning', colour: '--stage-provisioning' },
  deprovisioning: { plain: 'Deprovisioning', colour: '--stage-deprovisioning' },
  'export-flow': { plain: 'Export flow', colour: '--stage-export-flow' },
  export: { plain: 'Export', colour: '--stage-export' },
  confirmation: { plain: 'Confirmation', colour: '--stage-confirmation' },
  deletion: { plain: 'Deletion', colour: '--stage-deletion' },
  password: { plain: 'Password', colour: '--stage-other' },
  run: { plain: 'Run', colour: '--stage-other' },
  configuration: { plain: 'Configuration', colour: '--stage-other' },
  baseline: { plain: 'Baseline', colour: '--stage-other' },
  read: { plain: 'Read of this log', colour: '--stage-other' },
  retention: { plain: 'Retention', colour: '--stage-other' },
  erasure: { plain: 'Erasure', colour: '--stage-other' },
  alert: { plain: 'Alert', colour: '--stage-other' },
  report: { plain: 'Report', colour: '--stage-other' },
};

export const KNOWN_STAGES: readonly string[] = Object.keys(STAGES);

export function describeStage(stage: string): string {
  return STAGES[stage]?.plain ?? spellOut(stage);
}

/** The name of a CSS custom property. */
export function colourOfStage(stage: string): string {
  return STAGES[stage]?.colour ?? '--stage-other';
}

/** Known stages in the order of travel, then others by name. */
export function sortStages(stages: Iterable<string>): string[] {
  const position = (stage: string): number => {
    const index = KNOWN_STAGES.indexOf(stage);
    return index === -1 ? KNOWN_STAGES.length : index;
  };
  return [...new Set(stages)].sort((a, b) => position(a) - position(b) || a.localeCompare(b));
}
