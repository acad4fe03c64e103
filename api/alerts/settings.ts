// Which alerts there are and whom they tell: the file that METATRAIL_ALERTS names.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { ConfigurationError, type Fault, type ParsedDocument, parseYaml } from '../../engine/configuration/document.ts';
import { faultsOf, inOrder } from '../../engine/configuration/load.ts';
import { STAGES, UUID, WORD } from '../../ingest/event.ts';
import { ADDRESS, isSafeAddress } from '../publication-settings.ts';
import { readSecret } from './webhook.ts';

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
  as: z.enum(['auditor', 'investigator']).default('auditor'),
  values: z.boolean().default(false),
  tell: z.array(text).min(1),
};

const filterShape = z.strictObject({
  object: z
    .string()
    .regex(UUID, 'the id of an object in small letters, such as 01a206d8-0520-7005-ab4b-be69c1b2da2c')
    .optional(),
  attribute: text.optional(),
  value: text.optional(),
  agent: text.optional(),
  initiator: text.optional(),
  rule: text.optional(),
  stages: z.array(z.enum(STAGES)).min(1).optional(),
  outcomes: z.array(z.string().regex(WORD, 'an outcome such as export-update')).min(1).optional(),
  outOfBand: z.boolean().optional(),
});

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

const name = z.string().regex(WORD, 'a word of small letters, digits and dashes').max(80);
const fileShape = z.strictObject({
  destinations: z.record(name, destinationShape),
  alerts: z.record(name, alertShape),
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
  const document = parseYaml(readWhole(file), file);
  const checked = fileShape.safeParse(document.value);
  if (!checked.success)
    throw new ConfigurationError(file, inOrder(checked.error.issues.flatMap((issue) => faultsOf(issue, document))));
  const { data } = checked;
  const faults: Fault[] = [];
  const alerts = Object.entries(data.alerts).map(([name, rule]) => ({ ...rule, name }));
  for (const { name, tell } of alerts)
    for (const [index, each] of tell.entries())
      if (data.destinations[each] === undefined)
        faults.push({
          ...document.placeOf(['alerts', name, 'tell', index]),
          message: `the alert ${name} tells ${each}, which is none of the destinations (alerts.${name}.tell)`,
        });
  const destinations = Object.entries(data.destinations).flatMap(([name, shape]) =>
    readDestination(name, shape, { file, document, canMail, faults }),
  );
  if (faults.length > 0) throw new ConfigurationError(file, inOrder(faults));
  return { alerts: alerts.map((alert) => ({ ...alert, tell: [...new Set(alert.tell)] })), destinations };
}

function readWhole(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw fileFault(file, `the file of METATRAIL_ALERTS cannot be read (${codeOf(error)}); name the right one`);
  }
}

function fileFault(file: string, message: string): ConfigurationError {
  return new ConfigurationError(file, [{ line: 1, column: 1, message }]);
}

interface Reading {
  file: string;
  document: ParsedDocument;
  canMail: boolean;
  faults: Fault[];
}

function readDestination(
  name: string,
  shape: z.infer<typeof destinationShape>,
  { file, document, canMail, faults }: Reading,
): DestinationSettings[] {
  const where = `(destinations.${name})`;
  if (shape.mail !== undefined) {
    if (!canMail)
      faults.push({
        ...document.placeOf(['destinations', name, 'mail']),
        message: `mail needs METATRAIL_SMTP_URL and METATRAIL_MAIL_FROM in the environment ${where}`,
      });
    return [{ name, kind: 'mail', to: shape.mail }];
  }
  if (shape.webhook === undefined || shape.secret_file === undefined) return [];
  const fault = (message: string): [] => {
    faults.push({ ...document.placeOf(['destinations', name, 'secret_file']), message: `${message} ${where}` });
    return [];
  };
  try {
    // Beside the file of the alerts, as paths of a configuration are.
    const secret = readFileSync(path.resolve(path.dirname(path.resolve(file)), shape.secret_file), 'utf8').trim();
    const key = readSecret(secret);
    if (!key) return fault('secret_file holds no secret, which is whsec_ and 24 to 64 bytes in base64');
    return [{ name, kind: 'webhook', url: new URL(shape.webhook), key }];
  } catch (error) {
    return fault(`secret_file cannot be read (${codeOf(error)}); it holds the secret that messages are signed with`);
  }
}

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : 'unknown');
