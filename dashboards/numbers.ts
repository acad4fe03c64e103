// Numbers and sizes on screen.
import type { Sequence } from './operation.ts';

const COUNT_FORMAT = new Intl.NumberFormat('en-GB');
const SIZES = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];

/** 1,234,567; also for sequences too long for a number. */
export function formatCount(count: Sequence): string {
  if (typeof count === 'number') return COUNT_FORMAT.format(count);
  return /^\d+$/.test(count) ? COUNT_FORMAT.format(BigInt(count)) : count;
}

/** 1 change, 2 changes */
export function formatCounted(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** 12.3 MiB */
export function formatBytes(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(SIZES.length - 1, Math.floor(Math.log2(bytes) / 10));
  const size = bytes / 1024 ** power;
  return `${power === 0 ? formatCount(size) : size.toFixed(size < 100 ? 1 : 0)} ${SIZES[power]}`;
}

/** The first and last digits of a hash. */
export function shortenHash(hash: string): string {
  return hash.length <= 16 ? hash : `${hash.slice(0, 8)}…${hash.slice(-6)}`;
}

/** Is it the same sequence, however each is written? */
export function isSame(a: Sequence | null | undefined, b: Sequence | null | undefined): boolean {
  return a !== null && a !== undefined && b !== null && b !== undefined && String(a) === String(b);
}
