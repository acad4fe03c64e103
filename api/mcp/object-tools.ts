// Questions about one object: who it is, what happened to it, what it was, and what it had.
import { z } from 'zod';
import { CHANGE, HOLDING, NESTED, PAGE } from './fragments.ts';
import { ARGUMENTS, defineTool, filterBy, REQUIRED } from './tool.ts';

const { id, at, from, to, first, after, watermark } = ARGUMENTS;
const agent = z
  .string()
  .optional()
  .describe('One connected system by its name, as agents gives it; "" is the metaverse; none: all connected systems.');
const VALUE = 'value withheld since setBy initiator reference { id name type }';

export const OBJECT_TOOLS = [
  defineTool({
    name: 'search',
    title: 'Search objects',
    description:
      'Finds objects (people, accounts, groups) by whatever they are or ever were called: name, account, mail, DN, SID or employee number; typing mistakes are forgiven, deleted ones are found too. Begin here: most other tools want the id that this gives.',
    input: {
      text: z.string().describe('What is looked for, such as "Ann Smith" or "asmith".'),
      type: z.string().optional().describe('Only objects of this metaverse type, such as person or group.'),
      first,
      watermark,
    },
    document: `query Search($text: String!, $type: String, $first: Int!, $watermark: Sequence) {
      search(text: $text, type: $type, first: $first, watermark: $watermark) {
        rank text object { id name type deleted formerNames firstSeen lastChanged }
      }
    }`,
  }),
  defineTool({
    name: 'history',
    title: 'History of an object',
    description:
      'What happened to one object, in order (newest first), across all connected systems, with before and after, who and why.',
    input: {
      id,
      from,
      to,
      attribute: z.string().optional().describe('Only changes of this attribute.'),
      stages: z
        .array(z.string())
        .optional()
        .describe('Only these stages, such as import, join, projection, import-flow, export, confirmation, deletion.'),
      first,
      after,
      watermark,
    },
    variables: filterBy(['from', 'to', 'attribute', 'stages', 'watermark']),
    document: `query History($id: ID!, $filter: ChangeFilter, $first: Int!, $after: String) {
      object(id: $id) { id name type deleted history(filter: $filter, first: $first, after: $after) { nodes { ${CHANGE} } ${PAGE} } }
    }`,
  }),
  defineTool({
    name: 'state',
    title: 'State at an instant',
    description:
      'What an object was at an instant, in the metaverse (agent "") and in each connected system, with what set each value.',
    input: { id, at, watermark },
    document: `query State($id: ID!, $at: DateTime, $watermark: Sequence) {
      object(id: $id) { id name type state(at: $at, watermark: $watermark) {
        at watermark gone systems { agent entry anchor dn joined attributes { name type marks values { ${VALUE} } } }
      } }
    }`,
  }),
  defineTool({
    name: 'difference',
    title: 'Difference of two states',
    description:
      'What differs between the states of an object at two instants: values that came, and that went, with what did it.',
    input: { id, from: REQUIRED.from, to, watermark },
    document: `query Difference($id: ID!, $from: DateTime!, $to: DateTime, $watermark: Sequence) {
      object(id: $id) { id name type difference(from: $from, to: $to, fromWatermark: $watermark, toWatermark: $watermark) { ${difference()} } }
    }`,
  }),
  defineTool({
    name: 'known_then_and_now',
    title: 'Known then, known now',
    description:
      'What the log knew of an object when it had so many events, against what it knows now, both about the same instant: `before` and `gone` are of then, `after` and `came` of now. It shows what was learned late.',
    input: { id, watermark: REQUIRED.watermark, at },
    document: `query KnownThenAndNow($id: ID!, $watermark: Sequence!, $at: DateTime) {
      object(id: $id) { id name type difference(from: $at, to: $at, fromWatermark: $watermark) { ${difference()} } }
    }`,
  }),
  defineTool({
    name: 'entitlements',
    title: 'Entitlements of an object',
    description:
      'What a person had at an instant, given to them directly: since when, granted by which change, by whom.',
    input: { id, at, watermark },
    document: `query Entitlements($id: ID!, $at: DateTime, $watermark: Sequence) {
      object(id: $id) { id name type access(at: $at, watermark: $watermark) { at watermark gone holdings { ${HOLDING} } } }
    }`,
  }),
  defineTool({
    name: 'nested_entitlements',
    title: 'Entitlements through groups',
    description:
      'What a person had at an instant, directly and through groups within groups, each with the way there (`path`). `ways` says how many memberships would have to go.',
    input: { id, at, agent, watermark },
    document: `query NestedEntitlements($id: ID!, $at: DateTime, $agent: String, $watermark: Sequence) {
      object(id: $id) { id name type nestedAccess(at: $at, agent: $agent, watermark: $watermark) { ${NESTED} } }
    }`,
  }),
  defineTool({
    name: 'holders',
    title: 'Holders of an entitlement',
    description:
      'Who had an entitlement (was in a group) at an instant, directly (`direct`) and through groups that are members of it, each with the way there (`path`).',
    input: { entitlement: z.string().describe('The id of the group, as search gives it.'), at, agent, watermark },
    document: `query Holders($entitlement: ID!, $at: DateTime, $agent: String, $watermark: Sequence) {
      nestedHolders(entitlement: $entitlement, at: $at, agent: $agent, watermark: $watermark) { ${NESTED} }
    }`,
  }),
];

function difference(): string {
  return `from fromWatermark to toWatermark gone systems { agent entry before { anchor dn joined } after { anchor dn joined }
    attributes(changed: true) { name type marks
      came { ${VALUE} }
      gone { value withheld setBy goneBy goneAt initiator reference { id name type } }
    } }`;
}
