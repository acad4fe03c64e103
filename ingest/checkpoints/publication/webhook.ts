// Each checkpoint as the body of a POST. The note is signed, so the request needs no further secret.
import { DeliveryError, type Destination } from './destination.ts';
import { postText } from './post.ts';

/** `url`: https, or http to this machine. Its path may be a secret, so only its origin is ever said. */
export function createWebhook(url: URL): Destination {
  const name = `webhook ${url.origin}`;
  return {
    name,
    takes: 'each',
    leastIntervalMs: 0,
    async send({ note }, signal) {
      const { status } = await postText(name, url, note, signal);
      if (status < 200 || status > 299) throw new DeliveryError(`The ${name} answered ${status}.`);
    },
  };
}
