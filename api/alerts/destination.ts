// Somebody who is told of occurrences: by mail or by webhook.
import { createHash } from 'node:crypto';

export interface Message {
  /** The same however often it is sent: whoever gets it twice can tell. */
  id: string;
  /** Without any value. */
  subject: string;
  text: string;
  /** The same for programs. */
  json: Record<string, unknown>;
}

export interface Destination {
  readonly name: string;
  readonly kind: 'mail' | 'webhook';
  /** Where to, without any secret. */
  readonly host: string;
  /** Resolves when it was taken. Throws TellingError. */
  send(message: Message, signal: AbortSignal): Promise<void>;
}

/** Of an occurrence and a destination, the same after a crash. */
export function messageId(parts: readonly (string | number)[]): string {
  return `alert_${createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)}`;
}
