// What can go wrong between the browser and the service, as a sentence for the person who waits.

/** network: no answer at all; sign-in: the service does not know who asks; answer: it answered with an error. */
export type Failure = 'network' | 'sign-in' | 'answer';

/** How people sign in there: by a one-time link, or with an identity provider. */
export type Way = 'link' | 'openid';

export class ServiceError extends Error {
  readonly failure: Failure;
  /** Of `sign-in`. */
  readonly way: Way;

  constructor(failure: Failure, message: string, options?: ErrorOptions & { way?: Way }) {
    super(message, options);
    this.name = 'ServiceError';
    this.failure = failure;
    this.way = options?.way ?? 'link';
  }
}

/** The same text as one sentence: a capital letter first, a full stop last. */
export function asSentence(message: string): string {
  const text = message.trim();
  if (text === '') return 'The service gave no reason.';
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?…]$/.test(text) ? '' : '.'}`;
}
