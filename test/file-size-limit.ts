// A disk that is full, for this process alone: what would make a file longer than so many bytes fails, as by a quota.
import { execFileSync } from 'node:child_process';
import type { TestContext } from 'node:test';
import { afterwards } from './ingest-world.ts';

/** Returns what sets the limit; it is gone after the test. */
export function limitFiles(t: TestContext): (bytes: number | 'unlimited') => void {
  const ignore = () => undefined;
  process.on('SIGXFSZ', ignore);
  afterwards(t, () => process.off('SIGXFSZ', ignore));
  const limit = (bytes: number | 'unlimited') => {
    execFileSync('prlimit', [`--pid=${process.pid}`, `--fsize=${bytes}:`]);
  };
  afterwards(t, () => limit('unlimited'));
  return limit;
}
