// The environment, read once and checked whole. The README lists every variable; a wrong one stops the program.
import { isIP } from 'node:net';
import path from 'node:path';
import { z } from 'zod';
import type { PublicationSettings } from '../ingest/checkpoints/publication/publication.ts';
import { isSafeIssuer, type OpenIdSettings, rolesVariable } from './access/openid-settings.ts';
import { mailVariable, smtpVariable, webhookVariable, witnessesVariable } from './publication-settings.ts';

const DEFAULT_PORT = 8417;

const present = z.string().min(1, 'is set but empty');

/** One address or network: 127.0.0.1, 10.0.0.0/8, fd00::/8. */
function isNetwork(text: string): boolean {
  const [address = '', prefix, ...more] = text.split('/');
  const bits = isIP(address) === 4 ? 32 : 128;
  return (
    isIP(address) !== 0 &&
    more.length === 0 &&
    (prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits))
  );
}

const networks = present
  .transform((list) => list.split(',').map((each) => each.trim()))
  .refine((list) => list.every(isNetwork), 'must be addresses or networks such as 127.0.0.1, 10.0.0.0/8');

const httpUrl = z
  .string()
  .refine(
    (url) => /^https?:\/\/[^/\s]+/.test(url) && URL.canParse(url),
    'must be an http or https address such as http://127.0.0.1:8123',
  );

/** Where people reach the service; its path ends with a slash. */
const ownUrl = z
  .string()
  .refine(
    (url) => /^https?:\/\/[^/?#@\s]+(\/[^?#\s]*)?$/.test(url) && URL.canParse(url),
    'must be the address at which people reach the service, such as https://log.example.org/metatrail/',
  )
  .transform((url) => new URL(url.endsWith('/') ? url : `${url}/`));

/** What may hold a password or another secret is not repeated. */
const SECRET = /_(URL|WEBHOOK|ISSUER|ENDPOINT)$/;

const environmentSchema = z.object({
  PORT: z
    .string()
    .regex(/^\d{1,5}$/, 'must be a number from 0 to 65535')
    .transform(Number)
    .refine((port) => port <= 65535, 'must be a number from 0 to 65535')
    .default(DEFAULT_PORT),
  METATRAIL_HOST: present.default('127.0.0.1'),
  METATRAIL_DATA: present.default('data').transform((folder) => path.resolve(folder)),
  METATRAIL_CONFIG: present.transform((file) => path.resolve(file)).optional(),
  METATRAIL_CHECKPOINT_KEY: present.transform((file) => path.resolve(file)).optional(),
  METATRAIL_PUBLIC_LOG: z
    .enum(['true', 'false'], 'must be true or false')
    .transform((text) => text === 'true')
    .default(false),
  METATRAIL_WITNESSES: witnessesVariable.default([]),
  METATRAIL_CHECKPOINT_WEBHOOK: webhookVariable.optional(),
  METATRAIL_CHECKPOINT_FILE: present.transform((file) => path.resolve(file)).optional(),
  METATRAIL_CHECKPOINT_MAIL: mailVariable.optional(),
  METATRAIL_MAIL_FROM: mailVariable.optional(),
  METATRAIL_SMTP_URL: smtpVariable.optional(),
  METATRAIL_PROXIES: networks.default([]),
  METATRAIL_SEND_INSIDE: networks.default([]),
  METATRAIL_ALERTS: present.transform((file) => path.resolve(file)).optional(),
  METATRAIL_FEEDS: present.transform((file) => path.resolve(file)).optional(),
  METATRAIL_URL: ownUrl.optional(),
  METATRAIL_TOKEN_FILE: present.transform((file) => path.resolve(file)).optional(),
  METATRAIL_TLS_CERT: present.transform((file) => path.resolve(file)).optional(),
  METATRAIL_TLS_KEY: present.transform((file) => path.resolve(file)).optional(),
  METATRAIL_OIDC_ISSUER: z
    .string()
    .refine(isSafeIssuer, 'must be the https address of the identity provider (http to this machine only)')
    .transform((url) => new URL(url))
    .optional(),
  METATRAIL_OIDC_CLIENT_ID: present.optional(),
  METATRAIL_OIDC_CLIENT_SECRET_FILE: present.transform((file) => path.resolve(file)).optional(),
  METATRAIL_OIDC_ROLES: rolesVariable.optional(),
  METATRAIL_OIDC_SCOPE: present.default('openid profile email'),
  METATRAIL_OIDC_IDENTITY_CLAIM: present.default('email'),
  METATRAIL_OIDC_NAME_CLAIM: present.optional(),
  METATRAIL_OIDC_GROUPS_CLAIM: present.default('groups'),
  OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl.optional(),
  METATRAIL_METRICS: z.enum(['signed-in', 'open'], 'must be signed-in or open').default('signed-in'),
  METATRAIL_JOURNAL_DAYS: z
    .string()
    .regex(/^\d{1,4}$/, 'must be a number of days from 0 to 9999')
    .transform(Number)
    .optional(),
  METATRAIL_LOG_LEVEL: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'], 'must be debug, info, warn, error or silent')
    .default('info'),
  CLICKHOUSE_URL: httpUrl.optional(),
  CLICKHOUSE_OWNER_URL: httpUrl.optional(),
  CLICKHOUSE_DATABASE: z.string().regex(/^\w+$/, 'must be the name of a database').optional(),
  CLICKHOUSE_CLUSTER: z.string().regex(/^\w+$/, 'must be the name of a cluster').optional(),
});
const NEED_A_SERVER = ['CLICKHOUSE_OWNER_URL', 'CLICKHOUSE_DATABASE', 'CLICKHOUSE_CLUSTER'] as const;

export interface Environment {
  port: number;
  host: string;
  /** Proxies whose word on the address of a client is taken. */
  proxies: readonly string[];
  /** Addresses and networks inside that events may be sent to (outgoing/address-check.ts). */
  sendInside: readonly string[];
  /** The file that says which alerts there are. */
  alertsFile: string | undefined;
  /** Whether traces are sent; the exporter reads the variable itself. */
  traces: boolean;
  /** Which feeds are sent, and where to. */
  feedsFile: string | undefined;
  /** What mail is sent with; undefined: none is. */
  mail: { server: URL; from: string } | undefined;
  /** Where people reach it, if that is not where it listens: behind a proxy, or under a path. */
  url: URL | undefined;
  /** The file of the API token that the command line asks the service with. */
  tokenFile: string | undefined;
  /** Files of the certificate and its key; undefined: it listens without TLS. */
  tls: { certificateFile: string; keyFile: string } | undefined;
  /** The identity provider; undefined: people sign in with one-time links. */
  openId: OpenIdSettings | undefined;
  openMetrics: boolean;
  dataFolder: string;
  configurationFile: string | undefined;
  /** The file of the key that signs checkpoints; undefined: in the data folder. */
  checkpointKeyFile: string | undefined;
  /** How many days the journal keeps rows that are delivered. */
  journalDays: number | undefined;
  /** Checkpoints, tiles and public keys are for everybody. */
  publicLog: boolean;
  /** Where checkpoints are sent. */
  publication: PublicationSettings;
  logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  clickHouseUrl: string | undefined;
  clickHouseOwnerUrl: string | undefined;
  clickHouseDatabase: string | undefined;
  clickHouseCluster: string | undefined;
}

/** Variables that are wrong; the message has a line for each. */
export class EnvironmentError extends Error {
  override name = 'EnvironmentError';
}

/** The variables of this process, for those who add options of the command line to them. */
export function readVariables(): Record<string, string | undefined> {
  return { ...process.env };
}

/** Throws EnvironmentError. A value that may hold a password is not repeated in the message. */
export function readEnvironment(variables: Record<string, string | undefined>): Environment {
  const checked = environmentSchema.safeParse(variables);
  if (!checked.success) {
    const lines = checked.error.issues.map((issue) => {
      const name = String(issue.path[0]);
      const given = SECRET.test(name) ? '' : `: ${JSON.stringify(variables[name])}`;
      return `The environment variable ${name} ${issue.message}${given}.`;
    });
    throw new EnvironmentError(lines.join('\n'));
  }
  const { data } = checked;
  const alone = NEED_A_SERVER.filter((name) => data[name] !== undefined && data.CLICKHOUSE_URL === undefined);
  if (alone.length > 0)
    throw new EnvironmentError(
      alone.map((name) => `The environment variable ${name} means nothing without CLICKHOUSE_URL.`).join('\n'),
    );
  return {
    port: data.PORT,
    host: data.METATRAIL_HOST,
    proxies: data.METATRAIL_PROXIES,
    sendInside: data.METATRAIL_SEND_INSIDE,
    alertsFile: data.METATRAIL_ALERTS,
    feedsFile: data.METATRAIL_FEEDS,
    mail: mailOf(data),
    url: data.METATRAIL_URL,
    tokenFile: data.METATRAIL_TOKEN_FILE,
    tls: tlsOf(data),
    openId: openIdOf(data),
    traces: data.OTEL_EXPORTER_OTLP_ENDPOINT !== undefined,
    openMetrics: data.METATRAIL_METRICS === 'open',
    dataFolder: data.METATRAIL_DATA,
    configurationFile: data.METATRAIL_CONFIG,
    checkpointKeyFile: data.METATRAIL_CHECKPOINT_KEY,
    journalDays: data.METATRAIL_JOURNAL_DAYS,
    publicLog: data.METATRAIL_PUBLIC_LOG,
    publication: publicationOf(data),
    logLevel: data.METATRAIL_LOG_LEVEL,
    clickHouseUrl: data.CLICKHOUSE_URL,
    clickHouseOwnerUrl: data.CLICKHOUSE_OWNER_URL,
    clickHouseDatabase: data.CLICKHOUSE_DATABASE,
    clickHouseCluster: data.CLICKHOUSE_CLUSTER,
  };
}

/** Where the environment says that the log is kept; the name of its parts in `ingest/`. */
export function logTargetOf(environment: Environment) {
  return {
    folder: environment.dataFolder,
    url: environment.clickHouseUrl,
    ownerUrl: environment.clickHouseOwnerUrl,
    database: environment.clickHouseDatabase,
    cluster: environment.clickHouseCluster,
    checkpointKeyFile: environment.checkpointKeyFile,
    journalDays: environment.journalDays,
    publication: environment.publication,
  };
}

/** Mail needs three variables. Throws EnvironmentError when one of them is missing. */
function publicationOf(data: z.infer<typeof environmentSchema>): PublicationSettings {
  const to = data.METATRAIL_CHECKPOINT_MAIL;
  const mail = mailOf(data);
  if (to !== undefined && mail === undefined)
    throw new EnvironmentError(
      'The environment variable METATRAIL_CHECKPOINT_MAIL needs METATRAIL_SMTP_URL and METATRAIL_MAIL_FROM beside it.',
    );
  return {
    witnesses: data.METATRAIL_WITNESSES,
    webhook: data.METATRAIL_CHECKPOINT_WEBHOOK,
    file: data.METATRAIL_CHECKPOINT_FILE,
    mail: to === undefined || mail === undefined ? undefined : { ...mail, to },
  };
}

function mailOf({
  METATRAIL_SMTP_URL: server,
  METATRAIL_MAIL_FROM: from,
}: z.infer<typeof environmentSchema>): Environment['mail'] {
  return server === undefined || from === undefined ? undefined : { server, from };
}

/** Throws EnvironmentError when one of both is missing. */
function tlsOf({ METATRAIL_TLS_CERT, METATRAIL_TLS_KEY }: z.infer<typeof environmentSchema>): Environment['tls'] {
  if (METATRAIL_TLS_CERT !== undefined && METATRAIL_TLS_KEY !== undefined)
    return { certificateFile: METATRAIL_TLS_CERT, keyFile: METATRAIL_TLS_KEY };
  if (METATRAIL_TLS_CERT === undefined && METATRAIL_TLS_KEY === undefined) return undefined;
  throw new EnvironmentError(
    'The environment variables METATRAIL_TLS_CERT and METATRAIL_TLS_KEY need one another: a certificate and its key.',
  );
}

/** Throws EnvironmentError when a part is missing. */
function openIdOf(data: z.infer<typeof environmentSchema>): OpenIdSettings | undefined {
  const issuer = data.METATRAIL_OIDC_ISSUER;
  const clientId = data.METATRAIL_OIDC_CLIENT_ID;
  const roles = data.METATRAIL_OIDC_ROLES;
  if (issuer !== undefined && clientId !== undefined && roles !== undefined) {
    const identity = data.METATRAIL_OIDC_IDENTITY_CLAIM;
    return {
      issuer,
      clientId,
      clientSecretFile: data.METATRAIL_OIDC_CLIENT_SECRET_FILE,
      roles,
      scope: data.METATRAIL_OIDC_SCOPE,
      claims: {
        identity,
        name: data.METATRAIL_OIDC_NAME_CLAIM ?? identity,
        groups: data.METATRAIL_OIDC_GROUPS_CLAIM,
      },
    };
  }
  const given = [issuer, clientId, roles, data.METATRAIL_OIDC_CLIENT_SECRET_FILE].some((value) => value !== undefined);
  if (!given) return undefined;
  throw new EnvironmentError(
    'The environment variables METATRAIL_OIDC_ISSUER, METATRAIL_OIDC_CLIENT_ID and METATRAIL_OIDC_ROLES need one another: sign-in with an identity provider is set by all three.',
  );
}
