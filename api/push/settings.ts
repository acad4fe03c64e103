// Which feeds are sent, and where to: the file that METATRAIL_FEEDS names.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { FEEDS, type FeedName } from '../feeds/feed-query.ts';
import { ADDRESS, isSafeAddress } from '../publication-settings.ts';
import type { ChangeFilter } from '../queries/changes.ts';
import { filterShape, lookerShape, nameShape, SettingsFile } from '../settings-file.ts';

/** RFC 5425, section 4.1. */
const SYSLOG_PORT = 6514;
const SYSLOG_ADDRESS = /^(\[[0-9a-fA-F:.]+\]|[\w-]+(?:\.[\w-]+)*\.?)(?::(\d{1,5}))?$/;

const text = z.string().min(1);

const feedShape = z
  .strictObject({
    webhook: z.string().refine(isSafeAddress, ADDRESS).optional(),
    secret_file: text.optional(),
    syslog: z
      .string()
      .refine((address) => readAddress(address) !== undefined, 'a host and port such as logs.example.org:6514')
      .optional(),
    ca_file: text.optional(),
    certificate_file: text.optional(),
    key_file: text.optional(),
    format: z.enum(FEEDS).default('ocsf'),
    integrity: z.boolean().default(false),
    as: lookerShape,
    begin: z.union([z.literal('now'), z.int().min(0)]).default('now'),
    filter: filterShape
      .refine(
        ({ stages }) => !stages?.includes('read'),
        'is not for the stage read: what is sent is a read itself, and would be sent without end',
      )
      .default({}),
  })
  .refine(({ webhook, syslog }) => (webhook === undefined) !== (syslog === undefined), 'needs either webhook or syslog')
  .refine(
    ({ webhook, secret_file }) => (webhook === undefined) === (secret_file === undefined),
    'needs secret_file with webhook, and only with it',
  )
  .refine(
    ({ syslog, ca_file, certificate_file }) =>
      syslog !== undefined || (ca_file === undefined && certificate_file === undefined),
    'has ca_file, certificate_file and key_file only with syslog',
  )
  .refine(
    ({ certificate_file, key_file }) => (certificate_file === undefined) === (key_file === undefined),
    'needs certificate_file and key_file together',
  );

const fileShape = z.strictObject({ feeds: z.record(nameShape, feedShape) });

export interface WebhookSettings {
  kind: 'webhook';
  url: URL;
  key: Buffer;
}

export interface SyslogSettings {
  kind: 'syslog';
  host: string;
  port: number;
  /** PEM; undefined: the authorities that Node knows. */
  ca: string | undefined;
  certificate: string | undefined;
  key: string | undefined;
}

export interface FeedSettings {
  name: string;
  format: FeedName;
  integrity: boolean;
  as: 'auditor' | 'investigator';
  /** Where a feed that was never sent begins. */
  begin: 'now' | number;
  filter: ChangeFilter;
  /** Where to. An address may hold a secret in its path: only the host is ever said. */
  to: WebhookSettings | SyslogSettings;
}

/** Throws ConfigurationError with every fault found. */
export function readFeedSettings(file: string): FeedSettings[] {
  const { settings, data } = SettingsFile.read(file, 'METATRAIL_FEEDS', fileShape);
  const feeds = Object.entries(data.feeds).flatMap(([name, shape]): FeedSettings[] => {
    const { format, integrity, as, begin, filter } = shape;
    const to = readReceiver(['feeds', name], shape, settings);
    return to ? [{ name, format, integrity, as, begin, filter, to }] : [];
  });
  settings.check();
  return feeds;
}

function readReceiver(
  place: readonly string[],
  shape: z.infer<typeof feedShape>,
  settings: SettingsFile,
): FeedSettings['to'] | undefined {
  const { webhook, secret_file: secretFile } = shape;
  if (webhook !== undefined && secretFile !== undefined) {
    const key = settings.readKey([...place, 'secret_file'], secretFile);
    return key && { kind: 'webhook', url: new URL(webhook), key };
  }
  const address = readAddress(shape.syslog ?? '');
  if (!address) return undefined;
  const read = (name: 'ca_file' | 'certificate_file' | 'key_file', what: string) => {
    const file = shape[name];
    return file === undefined ? undefined : settings.readBeside([...place, name], file, what);
  };
  const [ca, certificate, key] = [
    read('ca_file', 'the certificates that the collector is trusted by'),
    read('certificate_file', 'the certificate that this service shows'),
    read('key_file', 'the key of the certificate'),
  ];
  const parsed = {
    ca_file: parseWith((pem) => new X509Certificate(pem), ca),
    certificate_file: parseWith((pem) => new X509Certificate(pem), certificate),
    key_file: parseWith((pem) => createPrivateKey(pem), key),
  };
  for (const [name, given] of Object.entries(parsed))
    if (given === 'none') settings.fault([...place, name], `${name} holds nothing in PEM that can be used`);
  const { certificate_file: shown, key_file: own } = parsed;
  if (typeof shown === 'object' && typeof own === 'object' && !shown.checkPrivateKey(own))
    settings.fault([...place, 'key_file'], 'key_file holds the key of another certificate');
  return { kind: 'syslog', ...address, ca, certificate, key };
}

function parseWith<T>(parse: (pem: string) => T, pem: string | undefined): T | 'none' | undefined {
  try {
    return pem === undefined ? undefined : parse(pem);
  } catch {
    return 'none'; // told as a fault, without what the file holds
  }
}

function readAddress(address: string): { host: string; port: number } | undefined {
  const [, host, port] = SYSLOG_ADDRESS.exec(address) ?? [];
  const number = port === undefined ? SYSLOG_PORT : Number(port);
  if (host === undefined || number < 1 || number > 65_535) return undefined;
  return { host: host.replace(/^\[|\]$/g, ''), port: number };
}
