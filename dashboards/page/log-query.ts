// How far the log is, for the header of every page.
import { operation } from '../operation.ts';

export const logQuery = operation(`
  query LogState {
    log { size watermark lag state problem }
  }
`);
