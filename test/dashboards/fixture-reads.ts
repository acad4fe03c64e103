// Who looked at the story's log: a few reads, newest first, by the filters that the page offers.
import type { FixtureStory } from './fixture-story.ts';

export interface ReadsAsked {
  filter?: Record<'viewer' | 'question' | 'object' | 'outcome', string | null | undefined> | null;
  first: number;
}

export function answerReads(story: FixtureStory, watermark: string, { filter, first }: ReadsAsked) {
  const fitting = listReads(story, watermark).filter(
    (read) =>
      (!filter?.viewer || read.viewer === filter.viewer) &&
      (!filter?.question || read.question === filter.question) &&
      (!filter?.outcome || read.outcome === filter.outcome) &&
      (!filter?.object || read.object?.id === filter.object),
  );
  const nodes = fitting.slice(0, first);
  return { nodes, pageInfo: { hasNextPage: fitting.length > first, endCursor: null }, watermark };
}

function listReads(story: FixtureStory, answeredAt: string) {
  const person = story.people[0]?.reference ?? null;
  const read = {
    viewer: 'local administrator',
    address: '127.0.0.1',
    outcome: 'answered',
    error: null,
    object: null,
    answeredAt,
  };
  const text = (name: string, value: string | null) => ({ name, type: 'string', value, reference: null });
  return [
    {
      ...read,
      sequence: '212',
      at: '2024-05-31T09:20:07.000000Z',
      question: 'object',
      fields: ['history'],
      object: person,
      rows: 12,
      parameters: [{ name: 'id', type: 'reference', value: person?.id ?? '', reference: person }],
    },
    {
      ...read,
      sequence: '211',
      at: '2024-05-31T09:19:59.000000Z',
      viewer: 'command line',
      address: null,
      question: 'changes',
      fields: ['nodes'],
      outcome: 'refused',
      error: 'answer-too-large',
      rows: null,
      parameters: [text('filter/attribute', 'userPassword'), text('filter/value', null)],
    },
    {
      ...read,
      sequence: '210',
      at: '2024-05-31T09:18:01.000000Z',
      question: 'report',
      fields: [],
      rows: 1204,
      parameters: [text('report', 'access'), text('at', '2024-03-31')],
    },
  ];
}
