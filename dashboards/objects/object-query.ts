// One object: what it is, its history, its state and its access at an instant, its holders.

import { changeFields } from '../changes/change-fields.ts';
import { type AnswerOf, operation } from '../operation.ts';

export const objectQuery = operation(`
  query ObjectHeader($id: ID!) {
    object(id: $id) { id type name deleted }
    log { gone }
  }
`);

export const historyQuery = operation(
  `
  query ObjectHistory($id: ID!, $filter: ChangeFilter, $first: Int!, $after: String) {
    object(id: $id) {
      history(first: $first, after: $after, filter: $filter) {
        nodes { ...ChangeFields }
        pageInfo { hasNextPage endCursor }
        watermark gone
      }
    }
  }
`,
  [changeFields],
);

export const stateQuery = operation(`
  query ObjectState($id: ID!, $at: DateTime, $watermark: Sequence) {
    object(id: $id) {
      state(at: $at, watermark: $watermark) {
        at watermark gone
        systems {
          agent entry dn anchor
          attributes {
            name type marks
            values { value withheld reference { id name type } since setBy initiator }
          }
        }
      }
    }
  }
`);

const holdingFields = operation(`
  fragment HoldingFields on Holding {
    holder { id name type }
    entitlement { id name type }
    agent attribute value withheld since grantedBy initiator outOfBand
  }
`);

export const accessQuery = operation(
  `
  query ObjectAccess($id: ID!, $at: DateTime, $watermark: Sequence) {
    object(id: $id) {
      access(at: $at, watermark: $watermark) { at watermark gone holdings { ...HoldingFields } }
    }
  }
`,
  [holdingFields],
);

export const holdersQuery = operation(
  `
  query Holders($id: ID!, $at: DateTime, $agent: String, $watermark: Sequence) {
    holders(entitlement: $id, at: $at, agent: $agent, watermark: $watermark) {
      at watermark gone holdings { ...HoldingFields }
    }
  }
`,
  [holdingFields],
);

export type ObjectHeader = NonNullable<AnswerOf<typeof objectQuery>['object']>;
export type ObjectState = NonNullable<AnswerOf<typeof stateQuery>['object']>['state'];
export type SystemState = ObjectState['systems'][number];
export type AttributeState = SystemState['attributes'][number];
export type Holding = AnswerOf<typeof holdingFields>;
