// The sections of the benchmark by name, in the order in which they are run.
import { measureAccepted } from './accepted.ts';
import { measureGrowth } from './growth.ts';
import { measureBytesOfChange, measureChanges } from './identity-changes.ts';
import type { Report } from './measurement.ts';
import { measureProfile } from './profile.ts';
import { measureQuestions } from './questions.ts';
import { measureRivals } from './questions-postgres.ts';
import { measureShipped } from './shipped.ts';
import { measureBytes } from './sizes.ts';
import { measureVerified } from './verified.ts';

export interface Sizes {
  /** How many events the large sections fill; the others take fewer where more say nothing more. */
  events: number;
  /** How often each rate is measured. */
  runs: number;
  /** Sizes at which `growth` looks at the log. */
  growth: readonly number[];
}

export type Section = (report: Report, sizes: Sizes) => Promise<void>;

export const SECTIONS: Readonly<Record<string, Section>> = {
  'accepted-and-shipped': measureShipped,
  accepted: measureAccepted,
  'bytes-event': measureBytes,
  'bytes-change': measureBytesOfChange,
  changes: measureChanges,
  queries: measureQuestions,
  profile: measureProfile,
  'queries-postgres': measureRivals,
  verify: measureVerified,
  growth: measureGrowth,
};
