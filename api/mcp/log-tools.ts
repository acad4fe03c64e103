// Questions about the log as a whole: changes by what they have in common, their causes, people, exports, runs and looks.
import { z } from 'zod';
import { CHANGE, DELAYS, HOP, OBJECT, PAGE } from './fragments.ts';
import { ARGUMENTS, defineTool, filterBy, REQUIRED } from './tool.ts';

const { from, to, first, after, watermark } = ARGUMENTS;
const sequence = z.number().int().min(0).describe('The sequence of the change, as every answer gives it.');
const agent = z.string().optional().describe('Only this connected system, by its name, as agents gives it.');
const CHANGES = `query Changes($filter: ChangeFilter!, $first: Int!, $after: String) {
  changes(filter: $filter, first: $first, after: $after) { nodes { ${CHANGE} } ${PAGE} }
}`;
const WHEN = ['from', 'to', 'watermark'];

export const LOG_TOOLS = [
  defineTool({
    name: 'changes',
    title: 'Changes by actor, rule, agent or run',
    description:
      'What a person or account, a rule, an agent or a run changed: changes by what they have in common (all that is given must hold), newest first. Who looked at the log is not among them: that is who_looked.',
    input: {
      initiator: z.string().optional().describe('Who caused the root of it, exactly as an answer calls them.'),
      agent,
      rule: z
        .string()
        .optional()
        .describe('The rule that did it or set a value, such as hr/employee/join, as answers give it.'),
      run: z.number().int().min(0).optional().describe('The sequence of a run, as runs gives it.'),
      stages: z.array(z.string()).optional().describe('Any of these stages, such as import, join, export, deletion.'),
      outcomes: z.array(z.string()).optional().describe('Any of these outcomes, such as export-update.'),
      from,
      to,
      first,
      after,
      watermark,
    },
    variables: filterBy([...WHEN, 'initiator', 'agent', 'rule', 'run', 'stages', 'outcomes']),
    document: CHANGES,
  }),
  defineTool({
    name: 'attribute_changes',
    title: 'Who set this attribute',
    description: 'Who set an attribute, or set it to a value, ever: changes of it, newest first.',
    input: {
      attribute: z.string().describe('The attribute, such as department or member.'),
      value: z.string().optional().describe('An old or new value, exactly. Values that are withheld find nothing.'),
      agent,
      from,
      to,
      first,
      after,
      watermark,
    },
    variables: filterBy([...WHEN, 'attribute', 'value', 'agent']),
    document: CHANGES,
  }),
  defineTool({
    name: 'out_of_band',
    title: 'Changes out of band',
    description:
      'What changed in a connected system that no export of ours explains, and who did it there, if its own log says so: newest first.',
    input: { agent, from, to, first, after, watermark },
    variables: filterBy([...WHEN, 'agent'], { outOfBand: true }),
    document: CHANGES,
  }),
  defineTool({
    name: 'change',
    title: 'One change, with its proof',
    description:
      'One change by its sequence, whole, with the leaf and root that prove it is in the log: the evidence to cite.',
    input: { sequence, watermark },
    document: `query Change($sequence: Sequence!, $watermark: Sequence) {
      change(sequence: $sequence, watermark: $watermark) { ${CHANGE} stepKind step configuration occurredAtKnown gone proof { leaf root size checkpoint { origin size note } } }
    }`,
  }),
  defineTool({
    name: 'causes',
    title: 'Where a change came from',
    description:
      'The way to a change, hop by hop, the root first: the HR cell, the import, the join, what lost on precedence (`losers`), the flow, the export, the confirmation, with the delay of each. Ask this for why something happened.',
    input: { sequence, watermark },
    document: `query Causes($sequence: Sequence!, $watermark: Sequence) {
      change(sequence: $sequence, watermark: $watermark) { sequence outcome ${OBJECT} gone cameFrom { ${HOP} } }
    }`,
  }),
  defineTool({
    name: 'effects',
    title: 'What a change led to',
    description:
      'The ways from a change, in order: what it led to, with the delay of each hop and what lost on precedence.',
    input: { sequence, first, watermark },
    document: `query Effects($sequence: Sequence!, $first: Int!, $watermark: Sequence) {
      change(sequence: $sequence, watermark: $watermark) { sequence outcome ${OBJECT} gone ledToMore(first: $first) wentTo(first: $first) { ${HOP} } }
    }`,
  }),
  defineTool({
    name: 'joiners_movers_leavers',
    title: 'Joiners, movers and leavers',
    description: 'Who came, who moved and who went in a period.',
    input: { from: REQUIRED.from, to: REQUIRED.to, watermark },
    document: `query JoinersMoversLeavers($from: DateTime!, $to: DateTime!, $watermark: Sequence) {
      people(from: $from, to: $to, watermark: $watermark) { from to asOf watermark gone
        joiners { at agent rehired change person { id name type } }
        movers { at attribute from to fromObject { id name } toObject { id name } person { id name type } change { sequence initiator } }
        leavers { at atKnown change person { id name type } }
      }
    }`,
  }),
  defineTool({
    name: 'leaver_delays',
    title: 'How long leavers keep access',
    description:
      'How long the accounts of those who left in a period stayed open, by system, with open cases counted as open so long (`medianHours`, `p95Hours`; none: not reached yet), and each leaver with their accounts.',
    input: { from: REQUIRED.from, to: REQUIRED.to, watermark },
    document: `query LeaverDelays($from: DateTime!, $to: DateTime!, $watermark: Sequence) {
      people(from: $from, to: $to, watermark: $watermark) { from to asOf watermark gone ${DELAYS}
        leavers { at atKnown change person { id name type } accounts { agent account hours disabledAt disabledBy reenabledAt rehiredAt } }
      }
    }`,
  }),
  defineTool({
    name: 'open_exports',
    title: 'Exports not done',
    description:
      'Exports that failed, are in doubt, are not confirmed by an import, or were never found again by one; with how many in all, by system and state.',
    input: {
      agent,
      states: z
        .array(z.enum(['failed', 'in-doubt', 'unconfirmed', 'not-reimported']))
        .optional()
        .describe('Any of these; none: all.'),
      first,
      after,
      watermark,
    },
    document: `query OpenExports($agent: String, $states: [String!], $first: Int!, $after: String, $watermark: Sequence) {
      openExports(agent: $agent, states: $states, first: $first, after: $after, watermark: $watermark) {
        counts { agent state count } nodes { state since times change { ${CHANGE} } } ${PAGE}
      }
    }`,
  }),
  defineTool({
    name: 'runs',
    title: 'Runs of agents',
    description:
      'How the runs of agents went, newest first, with their steps: counters, what was read, and whether the log holds all of it.',
    input: { agent, first, after, watermark },
    document: `query Runs($agent: String, $first: Int!, $after: String, $watermark: Sequence) {
      runs(agent: $agent, first: $first, after: $after, watermark: $watermark) {
        nodes { sequence agent profile result startedAt finishedAt steps { number kind result message faults balance { read unchanged changed refused gone } counters { stage agent objectType name count } } } ${PAGE}
      }
    }`,
  }),
  defineTool({
    name: 'who_looked',
    title: 'Who looked',
    description:
      'Who looked at what in this log, newest first, with the reason they gave and what they used (`through`). Your own questions are among them.',
    input: {
      viewer: z.string().optional().describe('Who asked, exactly as an answer calls them.'),
      object: z.string().optional().describe('Only looks at this object, by its id.'),
      question: z.string().optional().describe('Only this question of the schema, such as object, changes or report.'),
      outcome: z.enum(['answered', 'refused', 'failed']).optional().describe('What became of it.'),
      from,
      to,
      first,
      after,
      watermark,
    },
    variables: filterBy([...WHEN, 'viewer', 'object', 'question', 'outcome']),
    document: `query WhoLooked($filter: ReadFilter!, $first: Int!, $after: String) {
      reads(filter: $filter, first: $first, after: $after) {
        nodes { sequence at viewer address question fields outcome error rows answeredAt reason through ${OBJECT} parameters { name type value reference { id name type } } } ${PAGE}
      }
    }`,
  }),
  defineTool({
    name: 'agents',
    title: 'Connected systems',
    description: 'The connected systems by their names, with the run profiles they have.',
    input: {},
    document: 'query Agents { agents { name connector runProfiles } }',
  }),
  defineTool({
    name: 'whoami',
    title: 'Who asks',
    description:
      'As whom the log records you, with which roles, which questions these may ask, what is withheld from you and of whom alone you are told.',
    input: {},
    document: 'query Whoami { viewer { name roles questions withheld scope } }',
  }),
];
