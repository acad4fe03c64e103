// Which alerts there are and whom they tell: the file that METATRAIL_ALERTS names.
import { z } from 'zod';
import { ADDRESS, isSafeAddress } from '../publication-settings.ts';
import { filterShape, lookerShape, nameShape, SettingsFile } from '../settings-file.ts';

export const SEVERITIES = ['low', 'medium', 'high', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** Each change that was counted is kept until the window is over. */
const MOST_COUNTED = 10_000;
/** A month. */
const LONGEST_WINDOW_MINUTES = 44_640;

const text = z.string().min(1);
const whole = (least: number, most: number) => z.int().min(least).max(most);

const common = {
  severity: z.enum(SEVERITIES).default('medium'),
  as: lookerShape,
  values: z.boolean().default(false),
  tell: z.array(text).min(1),
};

const alertShape = z.discriminatedUnion('kind', [
  z.strictObject({
    ...common,
    kind: z.literal('changes'),
    filter: filterShape,
    at_least: whole(1, MOST_COUNTED).default(1),
    within_minutes: whole(1, LONGEST_WINDOW_MINUTES).default(60),
  }),
  z.strictObject({
    ...common,
    kind: z.literal('open-leaver'),
    hours: z.number().min(0).max(87_600),
    left_within_days: whole(1, 3660).default(90),
  }),
  z
    .strictObject({
      ...common,
      kind: z.literal('log-lag'),
      events: whole(1, 1_000_000_000).optional(),
      seconds: whole(1, 31_536_000).optional(),
    })
    .refine(({ events, seconds }) => events !== undefined || seconds !== undefined, 'needs events or seconds, or both'),
  z.strictObject({ ...common, kind: z.literal('verification-failed') }),
]);

/** No blank and no line break: it stands in a header of the mail. */
const mailAddress = z.string().regex(/^[^\s@,<>"]+@[^\s@,<>"]+$/, 'a mail address such as security@example.org');

const destinationShape = z
  .strictObject({
    mail: z.array(mailAddress).min(1).optional(),
    webhook: z.string().refine(isSafeAddress, ADDRESS).optional(),
    secret_file: text.optional(),
  })
  .refine(({ mail, webhook }) => (mail === undefined) !== (webhook === undefined), 'needs either mail or webhook')
  .refine(
    ({ webhook, secret_file }) => (webhook === undefined) === (secret_file === undefined),
    'needs secret_file with webhook, and only with it',
  );

const fileShape = z.strictObject({
  destinations: z.record(nameShape, destinationShape),
  alerts: z.record(nameShape, alertShape),
});

export type Rule = z.infer<typeof alertShape>;
export type Alert<Kind extends Rule['kind'] = Rule['kind']> = Extract<Rule, { kind: Kind }> & { name: string };

/** Who is told. Addresses of webhooks may hold a secret in their path: only the host is ever said. */
export type DestinationSettings =
  | { name: string; kind: 'mail'; to: readonly string[] }
  | { name: string; kind: 'webhook'; url: URL; key: Buffer };

export interface AlertSettings {
  alerts: readonly Alert[];
  destinations: readonly DestinationSettings[];
}

export const NO_ALERTS: AlertSettings = { alerts: [], destinations: [] };

/** `canMail`: whether the environment names a mail server and a sender. Throws ConfigurationError with every fault found. */
export function readAlertSettings(file: string, canMail: boolean): AlertSettings {
  const { settings, data } = SettingsFile.read(file, 'METATRAIL_ALERTS', fileShape);
  const alerts = Object.entries(data.alerts).map(([name, rule]) => ({ ...rule, name }));
  for (const { name, tell } of alerts)
    for (const [index, each] of tell.entries())
      if (data.destinations[each] === undefined)
        settings.fault(
          ['alerts', name, 'tell', index],
          `the alert ${name} tells ${each}, which is none of the destinations`,
        );
  const destinations = Object.entries(data.destinations).flatMap(([name, shape]) =>
    readDestination(name, shape, settings, canMail),
  );
  settings.check();
  return { alerts: alerts.map((alert) => ({ ...alert, tell: [...new Set(alert.tell)] })), destinations };
}

function readDestination(
  name: string,
  { mail, webhook, secret_file }: z.infer<typeof destinationShape>,
  settings: SettingsFile,
  canMail: boolean,
): DestinationSettings[] {
  const place = ['destinations', name];
  if (mail !== undefined) {
    if (!canMail)
      settings.fault([...place, 'mail'], 'mail needs METATRAIL_SMTP_URL and METATRAIL_MAIL_FROM in the environment');
    return [{ name, kind: 'mail', to: mail }];
  }
  if (webhook === undefined || secret_file === undefined) return [];
  const key = settings.readKey([...place, 'secret_file'], secret_file);
  return key ? [{ name, kind: 'webhook', url: new URL(webhook), key }] : [];
}
