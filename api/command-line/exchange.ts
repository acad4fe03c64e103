// One exchange of a command with the running service over HTTP.

import { type IncomingMessage, request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { REASON_HEADER } from '../http/reason.ts';
import { THROUGH_HEADER } from '../http/through.ts';
import { CommandError } from './command-error.ts';

/** How something is asked, beside what is asked. */
export interface Manner {
  /** Why sensitive values are wanted; it stands in the read. */
  reason?: string | undefined;
  /** What asks for whoever asks, such as `mcp/history`; it stands in the read. */
  through?: string | undefined;
  /** Nobody waits for the answer any more. */
  signal?: AbortSignal | undefined;
}

interface Sent {
  method: 'GET' | 'POST';
  headers: Record<string, string>;
  body?: string;
  signal?: AbortSignal | undefined;
}

/** One HTTP exchange without a time limit: a run may take hours. Throws CommandError where the service stops answering. */
export async function send(url: URL, sent: Sent): Promise<{ status: number; body: Buffer }> {
  const response = await open(url, sent);
  try {
    return { status: response.statusCode ?? 0, body: await collect(response) };
  } catch (error) {
    throw stopped(url, error);
  }
}

/** Throws CommandError unless an answer begins. */
export function open(url: URL, { method, headers, body, signal }: Sent): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const exchange = url.protocol === 'https:' ? secureRequest : request;
    const sent = exchange(url, { method, headers, ...(signal && { signal }) }, resolve);
    sent.on('error', (error) => reject(stopped(url, error)));
    sent.end(body);
  });
}

export async function collect(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** Throws CommandError where it breaks off. */
export async function* stream(response: IncomingMessage, url: URL): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of response) yield Buffer.from(chunk);
  } catch (error) {
    throw stopped(url, error);
  }
}

export function headersOf({ reason, through }: Manner): Record<string, string> {
  return {
    // Headers have no letters beyond ASCII.
    ...(reason !== undefined && { [REASON_HEADER]: encodeURIComponent(reason) }),
    ...(through !== undefined && { [THROUGH_HEADER]: through }),
  };
}

const stopped = (url: URL, cause: unknown) =>
  new CommandError(`The service at ${url.origin} stopped answering; look at its log, then try again.`, { cause });
