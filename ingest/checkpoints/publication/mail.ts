// The newest checkpoint by mail, once a day: whoever keeps the mail keeps a witness. The note goes along as a file, for mail
// programs break lines.
import { createTransport } from 'nodemailer';
import { DeliveryError, type Destination, readCode } from './destination.ts';

/** A log that grows all day is not worth a mail a minute. */
export const MAIL_INTERVAL_MS = 24 * 3600 * 1000;
const PATIENCE_MS = 10_000;

export interface MailSettings {
  /** `smtp://` or `smtps://`, with user and password where the server wants them. */
  server: URL;
  from: string;
  /** Addresses, separated by commas. */
  to: string;
}

/** `server`: `smtp://` or `smtps://`. */
export function createMailTransport(server: URL) {
  return createTransport({
    url: server.href,
    // A password goes over no line that anybody can read.
    requireTLS: server.username !== '' && server.protocol === 'smtp:',
    connectionTimeout: PATIENCE_MS,
    greetingTimeout: PATIENCE_MS,
    socketTimeout: PATIENCE_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
}

export function createMail({ server, from, to }: MailSettings, origin: string): Destination {
  const name = `mail by ${server.host}`;
  const transport = createMailTransport(server);
  return {
    name,
    takes: 'newest',
    leastIntervalMs: MAIL_INTERVAL_MS,
    async send({ size, note }) {
      try {
        await transport.sendMail({
          from,
          to,
          subject: `Checkpoint of ${origin}: ${size} events`,
          text: `The log ${origin} has signed for its first ${size} events. Keep this mail: with the note\nattached to it anybody can find out whether one of them is altered or left out later.\n`,
          attachments: [
            { filename: `checkpoint-${size}.note`, content: note, contentType: 'text/plain; charset=utf-8' },
          ],
        });
      } catch (error) {
        throw new DeliveryError(`The ${name} cannot be sent (${describeMailFailure(error)}).`, { cause: error });
      }
    },
  };
}

/** The code of the failure, and the number that the server answered with; its words may quote an address. */
export function describeMailFailure(error: unknown): string {
  const code = readCode(error);
  const answered =
    typeof error === 'object' && error !== null && 'responseCode' in error ? error.responseCode : undefined;
  return typeof answered === 'number' ? `${code}, answered ${answered}` : code;
}
