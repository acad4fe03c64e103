// What has an id of its own in the whole schema (Relay's global object identification), and what is asked for by that alone.
import type { Agent } from '../../engine/configuration/model.ts';
import type { ChangeEvent } from '../../ingest/event.ts';
import type { RunRecord } from '../queries/runs.ts';
import { builder } from './builder.ts';
import type { KnownObject } from './object-types.ts';

export type NodeShape = ChangeEvent | RunRecord | KnownObject | Agent;
export type Kind = 'change' | 'run' | 'agent' | 'object';

const TYPES: Readonly<Record<Kind, string>> = {
  change: 'Change',
  run: 'Run',
  agent: 'Agent',
  object: 'MetaverseObject',
};

function kindOf(value: NodeShape): Kind {
  if ('runProfiles' in value) return 'agent';
  if ('known' in value) return 'object';
  return 'profile' in value ? 'run' : 'change';
}

/** `change:17`, `run:12`, `agent:hr`; an object of the metaverse has its UUID. */
function idOf(value: NodeShape): string {
  if ('runProfiles' in value) return `agent:${value.name}`;
  if ('known' in value) return value.id;
  return 'profile' in value ? `run:${value.id}` : `change:${value.sequence}`;
}

export const NodeType = builder.interfaceRef<NodeShape>('Node').implement({
  description: 'Anything that can be asked for by its id alone, with `node`.',
  fields: (t) => ({
    id: t.id({ description: 'Its id: no two things of the log have the same, whatever they are.', resolve: idOf }),
  }),
  resolveType: (value) => TYPES[kindOf(value)],
});

/** What an id is of, and the rest of it; an id of no kind is that of an object. */
export function readId(id: string): { kind: Kind; key: string } {
  const [, kind, key = ''] = /^(change|run|agent):(.*)$/s.exec(id) ?? [];
  if (kind === 'change' || kind === 'run' || kind === 'agent') return { kind, key };
  return { kind: 'object', key: id };
}
