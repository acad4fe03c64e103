// What the system says when it does not do something.
import { constants } from 'node:os';

/** The system's name of an error, such as ENOSPC; empty where it is none of the system's. */
export function systemCode(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  // Node has no name for it: its code is 'Unknown system error -122'.
  if ('errno' in error && error.errno === -constants.errno.EDQUOT) return 'EDQUOT';
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}

export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && codes.includes(systemCode(error));
}

/** No room: on the disk, by a quota, or by a limit of the size of files. */
export function isFull(error: unknown): boolean {
  return hasCode(error, 'ENOSPC', 'EDQUOT', 'EFBIG');
}
