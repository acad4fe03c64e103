// What a command talks to: the running service over HTTP, or the data folder itself when no service runs.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { RowReader } from '../../ingest/bundle/export-bundle.ts';
import { rowSchema } from '../../ingest/clickhouse/rows.ts';
import { COMMAND_LINE, localAccess } from '../access/access.ts';
import { readBundleRows } from '../bundle-rows.ts';
import { chooseConfiguration, readConfiguration, rememberChoice } from '../configuration-choice.ts';
import type { Environment } from '../environment.ts';
import { startExport } from '../exports/export.ts';
import { FORMATS, LISTS } from '../exports/lists.ts';
import { type Manifest, manifestSchema } from '../exports/manifest.ts';
import { EXPORT_HEADER } from '../http/exports.ts';
import { Installation } from '../installation.ts';
import { findService } from '../running-service.ts';
import { CommandError } from './command-error.ts';
import { collect, headersOf, type Manner, open, send, stream } from './exchange.ts';
import { describeFailure } from './failure.ts';

export interface Backend {
  /** Where the answers come from, for people. */
  readonly where: string;
  ask(query: string, variables: Record<string, unknown>, manner?: Manner): Promise<GraphQLAnswer>;
  report(name: string, parameters: Record<string, string>, manner?: Manner): Promise<Buffer>;
  export(asked: AskedExport): Promise<TakenExport>;
  createSignInLink(): Promise<string | undefined>;
  /** Rows of the log, for a bundle. */
  readRows: RowReader;
  close(): Promise<void>;
}

/** Names of a list and a format that there are, and what was given, as text. */
export interface AskedExport {
  list: string;
  format: string;
  given: Record<string, string>;
  reason: string | undefined;
}

export interface TakenExport {
  /** Raises CommandError where it breaks off. */
  bytes: AsyncIterable<Uint8Array>;
  /** After the last byte. */
  manifest: () => Promise<Manifest>;
}

const answerSchema = z.object({
  data: z.record(z.string(), z.unknown()).nullish(),
  extensions: z.record(z.string(), z.unknown()).optional(),
  errors: z.array(z.looseObject({ message: z.string() })).optional(),
});
export type GraphQLAnswer = z.infer<typeof answerSchema>;

const rowsSchema = z.array(rowSchema);

const ACCESS = localAccess(COMMAND_LINE);

function readAnswer(text: string): GraphQLAnswer {
  try {
    return answerSchema.parse(JSON.parse(text));
  } catch {
    throw new CommandError('The service gave an answer that is none; look at its log, then try again.');
  }
}

/** Why a question failed that was asked of the data folder: no service has a log of it. */
function tell(error: unknown): void {
  console.error(describeFailure(error));
}

/** Throws CommandError when there is no data folder there. */
export function checkDataFolder(folder: string): void {
  if (!existsSync(path.join(folder, 'metatrail.sqlite')))
    throw new CommandError(
      `There is no data folder ${folder}; start Metatrail there first (npm start), or name another one with --data or METATRAIL_DATA.`,
    );
}

/**
 * Opens the service or the data folder. `create`: a data folder that is not there yet is made. With METATRAIL_TOKEN_FILE it is
 * the service alone, as whom the token lets in. Throws CommandError.
 */
export async function openBackend(environment: Environment, create: boolean): Promise<Backend> {
  const { dataFolder, tokenFile, url } = environment;
  if (tokenFile !== undefined) return openWithToken(readToken(tokenFile), url, dataFolder);
  const service = await findService(dataFolder);
  if (service) return remoteBackend(service);
  if (!create) checkDataFolder(dataFolder);
  const choice = chooseConfiguration(dataFolder, environment.configurationFile, {});
  const configuration = readConfiguration(choice, dataFolder);
  const installation = await Installation.open(environment, configuration);
  rememberChoice(choice, dataFolder);
  return localBackend(installation, environment);
}

function readToken(file: string): string {
  let token: string;
  try {
    token = readFileSync(file, 'utf8').trim();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new CommandError(`The file ${file} of METATRAIL_TOKEN_FILE cannot be read (${code}).`);
  }
  if (!/^[\w-]{1,200}$/.test(token))
    throw new CommandError(
      `The file ${file} of METATRAIL_TOKEN_FILE holds no token; metatrail token create prints one as "secret": that alone belongs there.`,
    );
  return token;
}

async function openWithToken(token: string, url: URL | undefined, dataFolder: string): Promise<Backend> {
  const address = url?.href ?? (await findService(dataFolder))?.url;
  if (address === undefined)
    throw new CommandError(
      `No service runs on the data folder ${dataFolder}, and a token is one of a service; start it, or name its address with METATRAIL_URL.`,
    );
  return remoteBackend({ url: address, token });
}

function localBackend(installation: Installation, environment: Environment): Backend {
  return {
    where: `the data folder ${environment.dataFolder}`,
    ask: async (query, variables, manner) =>
      readAnswer(JSON.stringify(await installation.ask(query, variables, { ...ACCESS, ...manner }, tell))),
    async report(name, parameters, manner) {
      await installation.catchUp();
      const { pdf } = await installation.produceReport(name, parameters, { ...ACCESS, ...manner });
      const chunks: Buffer[] = [];
      for await (const chunk of pdf) chunks.push(Buffer.from(chunk));
      return Buffer.concat(chunks);
    },
    export: (asked) => exportLocally(installation, asked),
    createSignInLink: async () => undefined,
    readRows: (first, end) => readBundleRows(installation, ACCESS, first, end),
    close: () => installation.close(),
  };
}

function remoteBackend(service: { url: string; token: string }): Backend {
  const headers = { authorization: `Bearer ${service.token}` };
  return {
    where: `the service at ${service.url}`,
    async ask(query, variables, manner = {}) {
      const { body } = await send(new URL('graphql', service.url), {
        method: 'POST',
        headers: { ...headers, ...headersOf(manner), 'content-type': 'application/json' },
        body: JSON.stringify({ query, variables }),
        signal: manner.signal,
      });
      return readAnswer(body.toString('utf8'));
    },
    async report(name, parameters, manner = {}) {
      const url = new URL(`reports/${encodeURIComponent(name)}.pdf`, service.url);
      for (const [key, value] of Object.entries(parameters)) url.searchParams.set(key, value);
      const { status, body } = await send(url, { method: 'GET', headers: { ...headers, ...headersOf(manner) } });
      if (status !== 200) throw new CommandError(sentenceOf(body.toString('utf8')));
      return body;
    },
    export: (asked) => exportRemotely(service, headers, asked),
    async createSignInLink() {
      const { status, body } = await send(new URL('sign-in-link', service.url), { method: 'POST', headers });
      // Where people sign in with an identity provider the service says so.
      if (status === 409) throw new CommandError(body.toString('utf8'));
      if (status !== 200) throw new CommandError(`The service at ${service.url} gave no sign-in link (${status}).`);
      return body.toString('utf8');
    },
    async readRows(first, end) {
      const url = new URL('log/rows', service.url);
      url.search = new URLSearchParams({ first: String(first), end: String(end) }).toString();
      const { status, body } = await send(url, { method: 'GET', headers });
      if (status !== 200) throw new CommandError(sentenceOf(body.toString('utf8')));
      return rowsSchema.parse(JSON.parse(body.toString('utf8')));
    },
    async close() {},
  };
}

async function exportLocally(
  installation: Installation,
  { list, format, given, reason }: AskedExport,
): Promise<TakenExport> {
  const order = { list: LISTS.get(list), format: FORMATS.get(format) };
  if (!order.list || !order.format) throw new CommandError(`There is no export ${list} as ${format}.`);
  await installation.catchUp();
  const context = installation.context({ ...ACCESS, reason });
  const started = await startExport(context, { list: order.list, format: order.format, given });
  return { bytes: started.bytes(), manifest: () => started.end('The command did not take all of it.') };
}

async function exportRemotely(
  service: { url: string; token: string },
  headers: Record<string, string>,
  { list, format, given, reason }: AskedExport,
): Promise<TakenExport> {
  const url = new URL(`exports/${list}.${format}`, service.url);
  url.search = new URLSearchParams(given).toString();
  const response = await open(url, { method: 'GET', headers: { ...headers, ...headersOf({ reason }) } });
  if (response.statusCode !== 200) throw new CommandError(sentenceOf((await collect(response)).toString('utf8')));
  const id = String(response.headers[EXPORT_HEADER]);
  return {
    bytes: stream(response, url),
    async manifest() {
      const manifestUrl = new URL(`exports/${id}/manifest.json`, service.url);
      const { status, body } = await send(manifestUrl, { method: 'GET', headers });
      if (status !== 200) throw new CommandError(sentenceOf(body.toString('utf8')));
      return manifestSchema.parse(JSON.parse(body.toString('utf8')));
    },
  };
}

/** A refusal is a sentence, or one as GraphQL writes it. */
function sentenceOf(text: string): string {
  try {
    return (
      answerSchema
        .parse(JSON.parse(text))
        .errors?.map(({ message }) => message)
        .join('\n') ?? text
    );
  } catch {
    return text;
  }
}
