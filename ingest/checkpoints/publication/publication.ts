// Sends each new checkpoint to where the environment says: a witness, a webhook, a file, mail. A destination that is away holds
// up neither the log nor the others.
import type { Checkpoints } from '../checkpoints.ts';
import { createAppendFile } from './append-file.ts';
import { Courier, type DestinationStatus, PACE, type Pace } from './courier.ts';
import type { Destination } from './destination.ts';
import { createMail, type MailSettings } from './mail.ts';
import { createWebhook } from './webhook.ts';
import { createWitness, type WitnessSettings } from './witness.ts';

/** When the program ends, what was signed last may still be sent for so long. */
const LONGEST_LEAVE_MS = 5000;

export interface PublicationSettings {
  witnesses: readonly WitnessSettings[];
  webhook: URL | undefined;
  /** Checkpoints are appended to it. */
  file: string | undefined;
  mail: MailSettings | undefined;
}

/** The newest checkpoint that is known to be outside. */
export interface Outside {
  destination: string;
  size: number;
  /** Microseconds, UTC. */
  at: number;
}

export class Publication {
  readonly #checkpoints: Checkpoints;
  readonly #couriers: Courier[];
  readonly #listeners = new Set<(message: string) => void>();
  readonly #forget: () => void;

  constructor(checkpoints: Checkpoints, destinations: readonly Destination[], pace: Pace = PACE) {
    this.#checkpoints = checkpoints;
    const say = (message: string) => {
      for (const listener of this.#listeners) listener(message);
    };
    this.#couriers = destinations.map((destination) => new Courier(destination, checkpoints, say, pace));
    this.#forget = checkpoints.onSigned(() => {
      for (const courier of this.#couriers) courier.notice();
    });
    for (const courier of this.#couriers) courier.start();
  }

  /** How far each destination is. */
  get status(): DestinationStatus[] {
    return this.#couriers.map(({ status }) => status);
  }

  /** The largest checkpoint that is outside, wherever that was sent and whenever; none: nobody outside knows the log. */
  get outside(): Outside | undefined {
    const sent = this.#checkpoints.reader.newestSent();
    return sent && { destination: sent.destination, size: sent.size, at: sent.at };
  }

  /** Calls back with a sentence each time that something could not be sent. */
  onFailed(listener: (message: string) => void): void {
    this.#listeners.add(listener);
  }

  async close(): Promise<void> {
    await Promise.all(this.#couriers.map((courier) => courier.stop(LONGEST_LEAVE_MS)));
    this.#forget();
  }
}

export function createDestinations(settings: PublicationSettings, checkpoints: Checkpoints): Destination[] {
  const { witnesses, webhook, file, mail } = settings;
  return [
    ...witnesses.map((witness) => createWitness(witness, checkpoints)),
    ...(webhook ? [createWebhook(webhook)] : []),
    ...(file === undefined ? [] : [createAppendFile(file)]),
    ...(mail ? [createMail(mail, checkpoints.origin)] : []),
  ];
}
