// One change with what led to it and what it led to.
import { operation } from '../operation.ts';
import { changeFields } from './change-fields.ts';

export const changeQuery = operation(
  `
  query ChangeWithTrail($sequence: Sequence!) {
    change(sequence: $sequence) {
      ...ChangeFields
      gone
      causedBy { ...ChangeFields }
      ledTo(first: 100) { ...ChangeFields }
      proof { sequence size leaf path root checkpoint { root keyIds } }
    }
    log { watermark expiredBelow gone }
  }
`,
  [changeFields],
);
