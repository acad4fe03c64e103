// What every list of changes asks of each change.
import { type AnswerOf, operation } from '../operation.ts';

export const changeFields = operation(`
  fragment ChangeFields on Change {
    sequence recordedAt occurredAt occurredAtKnown stage operation outcome error
    object { id name type }
    entry agent anchor dn
    values { attribute type operation old new withheld reference { id name type } marks rule setBy }
    initiator initiatorKnown performer address
    causes root rule configuration run step stepKind outOfBand
  }
`);

export type Change = AnswerOf<typeof changeFields>;
export type ChangeValue = Change['values'][number];
