// Links, sessions and tokens are secrets of 32 random bytes. Only their hashes are stored, and looked up by.
import { createHash, randomBytes } from 'node:crypto';

const SECRET_BYTES = 32;

/** 43 characters of base64url. */
export function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}

/** SHA-256, hexadecimal: a secret of so many random bytes cannot be guessed from it, however fast it is made. */
export function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
