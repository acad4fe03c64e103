// Whoever takes a feed: told one batch after the other, each as long as it takes.
import { hostname } from 'node:os';
import type { Clock } from '../../ingest/clock.ts';
import type { FeedName } from '../feeds/feed-query.ts';
import { inCloudEvent, type ToldEvent } from '../feeds/told-events.ts';
import type { AddressCheck } from '../outgoing/address-check.ts';
import { postSigned } from '../outgoing/signed-post.ts';
import type { FeedSettings, WebhookSettings } from './settings.ts';
import { createSyslogSender } from './syslog.ts';

export interface Sender {
  /** What and where, without any secret: “the webhook example.org”. */
  readonly what: string;
  /** An event as it is sent. */
  write(feed: FeedName, event: ToldEvent): string;
  /** Resolves when all of them were taken. `id` is the same however often they are sent. Throws TellingError. */
  send(id: string, events: readonly string[], signal: AbortSignal): Promise<void>;
}

export function createSender({ to }: FeedSettings, check: AddressCheck, clock?: Clock): Sender {
  return to.kind === 'webhook' ? createWebhookSender(to, check, clock) : createSyslogSender(to, check, hostname());
}

/** A batch of CloudEvents, signed. */
function createWebhookSender(to: WebhookSettings, check: AddressCheck, clock: Clock | undefined): Sender {
  return {
    what: `the webhook ${to.url.host}`,
    write: (feed, event) => JSON.stringify(inCloudEvent(feed, event)),
    send: (id, events, signal) =>
      postSigned(
        to,
        { id, mediaType: 'application/cloudevents-batch+json', body: `[${events.join(',')}]` },
        check,
        signal,
        clock,
      ),
  };
}
