import type { Sight } from '../api/queries/sight.ts';

/** Of whoever sees everything. */
export const WHOLE_SIGHT: Sight = { hidden: 0, hiddenAttributes: new Set() };
