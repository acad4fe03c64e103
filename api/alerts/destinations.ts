// The destinations that the file of the alerts names.
import type { AddressCheck } from '../outgoing/address-check.ts';
import { postSigned } from '../outgoing/signed-post.ts';
import type { Destination } from './destination.ts';
import { createMailDestination, type MailSender } from './mail.ts';
import type { DestinationSettings } from './settings.ts';

export function createDestinations(
  settings: readonly DestinationSettings[],
  mail: MailSender | undefined,
  check: AddressCheck,
): Destination[] {
  return settings.flatMap((each): Destination[] => {
    if (each.kind === 'mail') return mail ? [createMailDestination(each.name, each.to, mail)] : [];
    const { name, kind, url } = each;
    const send: Destination['send'] = ({ id, json }, signal) =>
      postSigned(each, { id, mediaType: 'application/json', body: JSON.stringify(json) }, check, signal);
    return [{ name, kind, host: url.host, send }];
  });
}
