// Events as syslog messages (RFC 5424) over TLS (RFC 5425). The protocol has no word for "taken". So each batch has a connection of
// its own, which is ended with close_notify: that the collector ends it in turn, as RFC 5425 section 4.4 bids it, shows that it has
// read all of it.
import { isIP } from 'node:net';
import { connect } from 'node:tls';
import { formatIso } from '../../ingest/clock.ts';
import type { ChangeEvent } from '../../ingest/event.ts';
import type { FeedName } from '../feeds/feed-query.ts';
import type { ToldEvent } from '../feeds/told-events.ts';
import type { AddressCheck } from '../outgoing/address-check.ts';
import { ANSWER_TIMEOUT_MS, asTellingError } from '../outgoing/signed-post.ts';
import { VERSION } from '../version.ts';
import type { Sender } from './sender.ts';
import type { SyslogSettings } from './settings.ts';

/** "log audit", RFC 5424 table 1. */
const FACILITY = 13;
/** RFC 5424 table 2. */
const WARNING = 4;
const NOTICE = 5;
const INFORMATIONAL = 6;
const LONGEST_MESSAGE_ID = 32;
const LONGEST_HOST_NAME = 255;

/** `host`: of this machine, as it is told. */
export function createSyslogSender(to: SyslogSettings, check: AddressCheck, host: string): Sender {
  const name = isIP(to.host) === 6 ? `[${to.host}]` : to.host;
  const what = `the syslog collector ${name}:${to.port}`;
  return {
    what,
    write: (feed, event) => frame(writeMessage(feed, event, host)),
    async send(_, messages, signal) {
      const timeout = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
      try {
        check.checkHost(to.host);
        await deliver(to, check, messages, AbortSignal.any([signal, timeout]));
      } catch (error) {
        throw asTellingError(`The${what.slice('the'.length)}`, error, timeout.aborted);
      }
    },
  };
}

/** Octet counting, RFC 5425 section 4.3. */
function frame(message: string): string {
  return `${Buffer.byteLength(message)} ${message}`;
}

/** The event as JSON, in UTF-8 without a byte order mark: those that read JSON stumble over it. */
export function writeMessage(feed: FeedName, { change, body }: ToldEvent, host: string): string {
  const id = (feed === 'ocsf' ? `ocsf-${String(body.class_uid)}` : change.stage).slice(0, LONGEST_MESSAGE_ID);
  const priority = FACILITY * 8 + severityOf(change, body);
  const from = host.replace(/[^\x21-\x7e]/g, '').slice(0, LONGEST_HOST_NAME) || '-';
  const origin = `[origin software="Metatrail" swVersion="${VERSION}"]`;
  return `<${priority}>1 ${formatIso(change.occurredAt)} ${from} metatrail - ${id} ${origin} ${JSON.stringify(body)}`;
}

/** As OCSF has it where the event is OCSF; else what happened beside the engine, or failed, is worth a look. */
function severityOf({ outOfBand, error }: ChangeEvent, { severity_id: severity }: Record<string, unknown>): number {
  if (typeof severity === 'number') return severity >= 4 ? WARNING : severity === 3 ? NOTICE : INFORMATIONAL;
  return outOfBand || error !== undefined ? NOTICE : INFORMATIONAL;
}

function deliver(
  { host, port, ca, certificate: cert, key }: SyslogSettings,
  { lookup }: AddressCheck,
  messages: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const servername = isIP(host) === 0 ? host : undefined;
    const socket = connect({ host, port, servername, ca, cert, key, lookup, minVersion: 'TLSv1.2' });
    let isRead = false;
    const stop = () => socket.destroy(signal.reason instanceof Error ? signal.reason : new Error('stopped'));
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
    // Nothing leaves before the certificate was found good.
    socket.on('secureConnect', () => socket.end(messages.join('')));
    socket.on('end', () => {
      isRead = socket.writableFinished;
    });
    socket.on('error', reject);
    socket.on('close', () => {
      signal.removeEventListener('abort', stop);
      if (isRead) resolve();
      else reject(Object.assign(new Error('cut off'), { code: 'ECONNRESET' }));
    });
    // It has nothing to say, but its end is only seen by whoever reads.
    socket.resume();
  });
}
