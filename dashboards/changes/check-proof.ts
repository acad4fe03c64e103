// Checks in the browser that a change is in the log where it is said to be: RFC 9162 section 2.1.3.2, with the browser's own
// SHA-256. Nothing of the service is needed for it but the hashes.
import type { Sequence } from '../operation.ts';

export interface GivenProof {
  sequence: Sequence;
  size: Sequence;
  /** Hexadecimal, as all hashes here. */
  leaf: string;
  path: readonly string[];
  root: string;
}

/** `unknown`: browsers hash only what came over https, or from the same machine. */
export type Checked = 'holds' | 'fails' | 'unknown';

export async function checkProof(proof: GivenProof): Promise<Checked> {
  if (!globalThis.crypto?.subtle) return 'unknown';
  return (await climb(proof)) === proof.root ? 'holds' : 'fails';
}

/** The root that leaf and path come to; undefined when the path is not as long as the place in the tree wants. */
async function climb({ sequence, size, leaf, path }: GivenProof): Promise<string | undefined> {
  let position = BigInt(sequence);
  let last = BigInt(size) - 1n;
  if (position > last) return undefined;
  let hash = leaf;
  for (const sibling of path) {
    if (last === 0n) return undefined;
    const isRight = position % 2n === 1n;
    if (isRight || position === last) {
      hash = await hashNode(sibling, hash);
      while (position % 2n === 0n && position !== 0n) {
        position /= 2n;
        last /= 2n;
      }
    } else hash = await hashNode(hash, sibling);
    position /= 2n;
    last /= 2n;
  }
  return last === 0n ? hash : undefined;
}

/** SHA-256(01 ‖ left ‖ right). */
async function hashNode(left: string, right: string): Promise<string> {
  const bytes = readHex(`01${left}${right}`);
  return writeHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
}

function readHex(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function writeHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
