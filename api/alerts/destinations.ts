// The destinations that the file of the alerts names.
import type { AddressCheck } from '../outgoing/address-check.ts';
import type { Destination } from './destination.ts';
import { createMailDestination, type MailSender } from './mail.ts';
import type { DestinationSettings } from './settings.ts';
import { createWebhookDestination } from './webhook.ts';

export function createDestinations(
  settings: readonly DestinationSettings[],
  mail: MailSender | undefined,
  check: AddressCheck,
): Destination[] {
  return settings.flatMap((each): Destination[] => {
    if (each.kind === 'mail') return mail ? [createMailDestination(each.name, each.to, mail)] : [];
    return [createWebhookDestination(each, check)];
  });
}
