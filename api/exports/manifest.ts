// What stands beside an exported file: what was asked, by whom and when, what the answer stands on, and by what the file is
// known to be whole.
import { z } from 'zod';

export const manifestSchema = z.object({
  export: z.string(),
  /** The origin of the log. */
  log: z.string(),
  query: z.object({ list: z.string(), parameters: z.record(z.string(), z.string()), order: z.string() }),
  asked_by: z.string(),
  reason: z.string().optional(),
  started_at: z.string(),
  /** When the last byte was made, or the export broke off. */
  ended_at: z.string(),
  /** Answered by the events below. */
  watermark: z.number(),
  complete: z.boolean(),
  /** Why it is not whole. */
  cut_off: z.string().optional(),
  /** Entries; rows of a table, which has one for each value of an entry. */
  entries: z.number(),
  rows: z.number(),
  first_sequence: z.number().optional(),
  last_sequence: z.number().optional(),
  /** The newest checkpoint: all events below its size, and so all of these, are proved by it. */
  checkpoint: z.object({ size: z.number(), note: z.string() }).optional(),
  /** Marks whose values were not told to whoever asked, and whom they were told of. */
  withheld: z.array(z.string()).optional(),
  scope: z.string().optional(),
  /** What has expired. */
  gone: z.string().optional(),
  file: z.object({
    name: z.string(),
    format: z.string(),
    media_type: z.string(),
    columns: z.array(z.object({ name: z.string(), type: z.string() })),
    reading: z.string(),
    /** Of a whole file. */
    bytes: z.number().optional(),
    sha256: z.string().optional(),
  }),
  program: z.string(),
});
export type Manifest = z.infer<typeof manifestSchema>;
