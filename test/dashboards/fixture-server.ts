// A service for the pages to talk to: api/schema.graphql answered from a made-up story, the built application beside it.
// It stands for the HTTP boundary only. Every operation of the pages is validated against the real schema here.
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { buildSchema, GraphQLError } from 'graphql';
import { createYoga, type Plugin } from 'graphql-yoga';
import { z } from 'zod';
import { answerQuestions } from './fixture-answers.ts';
import { FixtureLog } from './fixture-log.ts';
import { tellStory } from './fixture-story.ts';

/** full: the story; empty: a log without events; error: every question fails; stranger: 401; slow: until released. */
export type Mood = 'full' | 'empty' | 'error' | 'stranger' | 'slow';

interface Question {
  query: string;
  /** What was sent in the place of the text. */
  hash: string | undefined;
  variables: Record<string, unknown>;
  headers: IncomingMessage['headers'];
}

const hashSchema = z.looseObject({ persistedQuery: z.looseObject({ sha256Hash: z.string() }) });

/** The texts of the pages' operations by their hashes, as the build wrote them. */
export function readOperations(): Record<string, string> {
  return z.record(z.string(), z.string()).parse(JSON.parse(readFileSync(join(DIST, 'operations.json'), 'utf8')));
}

export interface FixtureServer {
  /** The address of the application, with a slash at its end. */
  address: string;
  /** How the next answers are. */
  mood: Mood;
  /** The body of every question so far. */
  questions: Question[];
  /** Path and query of every report that was asked for. */
  reports: string[];
  close(): Promise<void>;
}

const ROOT = join(import.meta.dirname, '..', '..');
const DIST = join(ROOT, 'dashboards', 'dist');
export const CONTENT_SECURITY_POLICY = "default-src 'self'";
const SLOW_MS = 700;

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

/** `path` is where the application lives on the server, like `/metatrail/`. */
export async function startFixtureServer(path = '/'): Promise<FixtureServer> {
  const schema = buildSchema(readFileSync(join(ROOT, 'api', 'schema.graphql'), 'utf8'));
  const story = tellStory();
  const full = answerQuestions(story);
  const empty = answerQuestions({ log: new FixtureLog(), people: [], groups: [] });
  const server: FixtureServer = {
    address: '',
    mood: 'full',
    questions: [],
    reports: [],
    close: () => Promise.resolve(),
  };
  const mind: Plugin = {
    onExecute({ args }) {
      args.rootValue = server.mood === 'empty' ? { ...empty, overview: describeEmpty(empty) } : full;
    },
    onParams({ params, setParams, request }) {
      const headers = Object.fromEntries(request.headers);
      const hash = hashSchema.safeParse(params.extensions).data?.persistedQuery.sha256Hash;
      const query = (hash === undefined ? params.query : readOperations()[hash]) ?? '';
      setParams({ ...params, query });
      server.questions.push({ query, hash, variables: params.variables ?? {}, headers });
      if (server.mood === 'error') throw new GraphQLError('the log cannot be read: ClickHouse is away');
    },
  };
  const yoga = createYoga({
    schema,
    graphqlEndpoint: `${path}graphql`,
    logging: false,
    plugins: [mind],
  });
  const http = createServer((request, response) => void answer(server, path, request, response, yoga));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  server.address = `http://127.0.0.1:${port}${path}`;
  server.close = () =>
    new Promise<void>((resolve) => {
      http.close(() => resolve());
      http.closeAllConnections();
    });
  return server;
}

async function answer(
  server: FixtureServer,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
  yoga: (request: IncomingMessage, response: ServerResponse) => unknown,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const local = url.pathname.startsWith(path) ? url.pathname.slice(path.length) : undefined;
  response.setHeader('content-security-policy', CONTENT_SECURITY_POLICY);
  if (local === undefined) return send(response, 404, 'text/plain', 'outside of the application');
  const isQuestion = local === 'graphql';
  if (isQuestion && server.mood === 'slow') await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
  if (server.mood === 'stranger' && (isQuestion || local.endsWith('.pdf')))
    return send(response, 401, 'text/plain', 'sign in');
  if (isQuestion) {
    await yoga(request, response);
    return;
  }
  if (local.startsWith('reports/') && local.endsWith('.pdf'))
    return sendReport(server, `${local}${url.search}`, response);
  sendFile(path, local, response);
}

function sendReport(server: FixtureServer, asked: string, response: ServerResponse): void {
  server.reports.push(asked);
  if (server.mood === 'error') {
    send(response, 422, 'text/plain', 'the period ends before it begins');
    return;
  }
  response.setHeader('content-disposition', 'attachment; filename="leavers-2024.pdf"');
  send(response, 200, 'application/pdf', '%PDF-1.7\n%%EOF\n');
}

/** A file of the build; for every other address the application itself, which knows its pages. */
function sendFile(path: string, local: string, response: ServerResponse): void {
  const file = extname(local) === '' ? 'index.html' : local;
  try {
    const content = readFileSync(join(DIST, file));
    const type = TYPES[extname(file)] ?? 'application/octet-stream';
    send(
      response,
      200,
      type,
      file === 'index.html' ? String(content).replace('<base href="/"', `<base href="${path}"`) : content,
    );
  } catch {
    send(response, 404, 'text/plain', 'no such file');
  }
}

function send(response: ServerResponse, status: number, type: string, body: string | Buffer): void {
  response.writeHead(status, { 'content-type': type }).end(body);
}

function describeEmpty(empty: ReturnType<typeof answerQuestions>) {
  return () => ({ ...empty.overview(), objectCounts: [], leaverDelays: [] });
}
