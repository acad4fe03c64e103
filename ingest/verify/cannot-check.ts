/** Something that the check needs is not there or cannot be read; the message names it, its place and the remedy. */
export class CannotCheckError extends Error {
  override name = 'CannotCheckError';
}
