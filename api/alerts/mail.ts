// Occurrences by mail, to the server that checkpoints are sent with.
import { createMailTransport, describeMailFailure } from '../../ingest/checkpoints/publication/mail.ts';
import { TellingError } from '../outgoing/telling-error.ts';
import type { Destination } from './destination.ts';

export interface MailSender {
  server: URL;
  from: string;
}

export function createMailDestination(name: string, to: readonly string[], { server, from }: MailSender): Destination {
  const transport = createMailTransport(server);
  return {
    name,
    kind: 'mail',
    host: server.host,
    async send({ id, subject, text }) {
      try {
        await transport.sendMail({
          from,
          to: [...to],
          subject,
          text,
          messageId: `<${id}@metatrail.invalid>`,
          // Nobody's holiday note answers it.
          headers: { 'auto-submitted': 'auto-generated' },
        });
      } catch (error) {
        const what = describeMailFailure(error);
        throw new TellingError(`The mail by ${server.host} cannot be sent (${what}).`, {
          final: finalOf(error),
          cause: error,
        });
      }
    },
  };
}

/** A server that answers 5xx says that it will never take it; but for a password that somebody can put right. */
function finalOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('responseCode' in error)) return undefined;
  const isAboutMessage = 'code' in error && (error.code === 'EENVELOPE' || error.code === 'EMESSAGE');
  return isAboutMessage && Number(error.responseCode) >= 500 ? 'mail-refused' : undefined;
}
