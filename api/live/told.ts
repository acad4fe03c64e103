// One thing that whoever follows the log is told, and what following is done with.
import type { RequestContext } from '../graphql/context.ts';

export class Told<T> {
  /** Of this moment: who asks is looked at again, and what they may see, for each thing that is told. */
  readonly context: RequestContext;
  readonly answer: T;
  /** The sequence to continue from after it; undefined: whoever comes back is told the present state first. */
  readonly next: number | undefined;

  constructor(context: RequestContext, answer: T, next?: number) {
    this.context = context;
    this.answer = answer;
    this.next = next;
  }
}

export interface Following {
  /** The context of this moment. Throws AccessOverError when whoever asks may not any more. */
  renew: () => RequestContext;
  /** Nobody waits any more, or the service stops. */
  signal: AbortSignal;
  /** Where the client says that it was, in the place of the argument `from`. */
  resumeFrom: number | undefined;
  /** After so long without anything to tell it is looked again who asks, milliseconds. */
  everyMs: number;
}

/** A session or token is over. */
export class AccessOverError extends Error {
  override name = 'AccessOverError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
