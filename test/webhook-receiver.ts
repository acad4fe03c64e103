// Whoever takes webhooks: keeps what it is posted, and answers as a test says.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';

export const KEY = Buffer.alloc(32, 7);
export const SECRET = `whsec_${KEY.toString('base64')}`;

export interface Received {
  headers: IncomingHttpHeaders;
  body: string;
}

export interface Receiver {
  port: number;
  received: Received[];
  answer: { status: number; headers: Record<string, string> };
}

export async function startReceiver(t: TestContext): Promise<Receiver> {
  const receiver: Receiver = { port: 0, received: [], answer: { status: 204, headers: {} } };
  const server = createServer(async (request, response) => {
    receiver.received.push({ headers: request.headers, body: await text(request) });
    response.writeHead(receiver.answer.status, receiver.answer.headers).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  receiver.port = (server.address() as AddressInfo).port;
  return receiver;
}

/** Signed with KEY, now (Standard Webhooks, "Signature scheme"). */
export function assertSigned({ headers, body }: Received): void {
  const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signature } = headers;
  assert.equal(signature, `v1,${createHmac('sha256', KEY).update(`${id}.${at}.${body}`).digest('base64')}`);
  assert.ok(Math.abs(Number(at) - Date.now() / 1000) < 60);
}
