// What a command talks to: the running service over HTTP, or the data folder itself when no service runs.

import { existsSync } from 'node:fs';
import { request } from 'node:http';
import path from 'node:path';
import { z } from 'zod';
import type { RowReader } from '../../ingest/bundle/export-bundle.ts';
import { rowSchema } from '../../ingest/clickhouse/rows.ts';
import { COMMAND_LINE, localAccess } from '../access/access.ts';
import { readBundleRows } from '../bundle-rows.ts';
import { chooseConfiguration, readConfiguration, rememberChoice } from '../configuration-choice.ts';
import type { Environment } from '../environment.ts';
import { Installation } from '../installation.ts';
import { findService, type RunningService } from '../running-service.ts';
import { CommandError } from './command-error.ts';
import { describeFailure } from './failure.ts';

export interface Backend {
  /** Where the answers come from, for people. */
  readonly where: string;
  ask(query: string, variables: Record<string, unknown>): Promise<GraphQLAnswer>;
  report(name: string, parameters: Record<string, string>): Promise<Buffer>;
  createSignInLink(): Promise<string | undefined>;
  /** Rows of the log, for a bundle. */
  readRows: RowReader;
  close(): Promise<void>;
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

/** Opens the service or the data folder. `create`: a data folder that is not there yet is made. */
export async function openBackend(environment: Environment, create: boolean): Promise<Backend> {
  const service = await findService(environment.dataFolder);
  if (service) return remoteBackend(service);
  if (!create) checkDataFolder(environment.dataFolder);
  const choice = chooseConfiguration(environment.dataFolder, environment.configurationFile, {});
  const configuration = readConfiguration(choice, environment.dataFolder);
  const installation = await Installation.open(environment, configuration);
  rememberChoice(choice, environment.dataFolder);
  return localBackend(installation, environment);
}

function localBackend(installation: Installation, environment: Environment): Backend {
  return {
    where: `the data folder ${environment.dataFolder}`,
    ask: async (query, variables) => readAnswer(JSON.stringify(await installation.ask(query, variables, ACCESS, tell))),
    async report(name, parameters) {
      await installation.catchUp();
      const { pdf } = await installation.produceReport(name, parameters, ACCESS);
      const chunks: Buffer[] = [];
      for await (const chunk of pdf) chunks.push(Buffer.from(chunk));
      return Buffer.concat(chunks);
    },
    createSignInLink: async () => undefined,
    readRows: (first, end) => readBundleRows(installation, ACCESS, first, end),
    close: () => installation.close(),
  };
}

function remoteBackend(service: RunningService): Backend {
  const headers = { authorization: `Bearer ${service.token}` };
  return {
    where: `the service at ${service.url}`,
    async ask(query, variables) {
      const { body } = await send(
        new URL('graphql', service.url),
        'POST',
        { ...headers, 'content-type': 'application/json' },
        JSON.stringify({ query, variables }),
      );
      return readAnswer(body.toString('utf8'));
    },
    async report(name, parameters) {
      const url = new URL(`reports/${encodeURIComponent(name)}.pdf`, service.url);
      for (const [key, value] of Object.entries(parameters)) url.searchParams.set(key, value);
      const { status, body } = await send(url, 'GET', headers);
      if (status !== 200) throw new CommandError(body.toString('utf8'));
      return body;
    },
    async createSignInLink() {
      const { status, body } = await send(new URL('sign-in-link', service.url), 'POST', headers);
      // Where people sign in with an identity provider the service says so.
      if (status === 409) throw new CommandError(body.toString('utf8'));
      if (status !== 200) throw new CommandError(`The service at ${service.url} gave no sign-in link (${status}).`);
      return body.toString('utf8');
    },
    async readRows(first, end) {
      const url = new URL('log/rows', service.url);
      url.search = new URLSearchParams({ first: String(first), end: String(end) }).toString();
      const { status, body } = await send(url, 'GET', headers);
      if (status !== 200) throw new CommandError(body.toString('utf8'));
      return rowsSchema.parse(JSON.parse(body.toString('utf8')));
    },
    async close() {},
  };
}

/** One HTTP exchange without a time limit: a run may take hours. */
function send(
  url: URL,
  method: string,
  headers: Record<string, string>,
  body?: string,
): Promise<{ status: number; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const fail = () =>
      reject(new CommandError(`The service at ${url.origin} stopped answering; look at its log, then try again.`));
    const sent = request(url, { method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }));
      response.on('error', fail);
    });
    sent.on('error', fail);
    sent.end(body);
  });
}
