// A sample of rows by chance, with a seed that says which: the same seed and size are the same sample.
import { createHash, randomBytes } from 'node:crypto';

export function chooseSeed(): string {
  return randomBytes(8).toString('hex');
}

/** Up to `count` sequences from `first` to `size`, in order. */
export function chooseSample(seed: string, first: number, size: number, count: number): number[] {
  const span = size - first;
  if (span <= count) return Array.from({ length: Math.max(0, span) }, (_, i) => first + i);
  const chosen = new Set<number>();
  for (let i = 0; chosen.size < count; i++) {
    const digest = createHash('sha256').update(`${seed}/${i}`).digest();
    chosen.add(first + Number(digest.readBigUInt64BE() % BigInt(span)));
  }
  return [...chosen].sort((a, b) => a - b);
}
