// What can go wrong between the browser and the service, as a sentence for the person who waits.

/** network: no answer at all; sign-in: the service does not know who asks; answer: it answered with an error. */
export type Failure = 'network' | 'sign-in' | 'answer';

export class ServiceError extends Error {
  readonly failure: Failure;

  constructor(failure: Failure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ServiceError';
    this.failure = failure;
  }
}

/** The same text as one sentence: a capital letter first, a full stop last. */
export function asSentence(message: string): string {
  const text = message.trim();
  if (text === '') return 'The service gave no reason.';
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?…]$/.test(text) ? '' : '.'}`;
}
