// Whoever follows the log with the client of graphql-sse, and a way there that a test cuts.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { createClient } from 'graphql-sse';

export interface FollowedChanges {
  nodes: { sequence: number }[];
  next: number;
  watermark: number;
}

export interface Result {
  data?: { followChanges?: FollowedChanges; followRun?: { result: string; steps: Step[] } } | null;
  errors?: readonly { message: string; extensions?: Record<string, unknown> }[];
}

export interface Step {
  number: number;
  kind: string;
  result: string;
  finishedAt: string | null;
  counters: { name: string; count: number }[];
}

export interface Followed {
  results: Result[];
  /** Resolves with `complete`, rejects with the error that ended it. */
  over: Promise<void>;
  stop: () => void;
}

interface Follow {
  url: string;
  headers: Record<string, string>;
  query: string;
  variables?: Record<string, unknown>;
  /** How it comes back: by `from` of its variables, or by the header Last-Event-ID. */
  by?: 'from' | 'last-event-id';
  retryAttempts?: number;
}

/** Follows with graphql-sse; it comes back by itself after 20 ms, with where it was. */
export function follow({ url, headers, query, variables = {}, by = 'from', retryAttempts = 200 }: Follow): Followed {
  const results: Result[] = [];
  let last: number | undefined;
  const client = createClient({
    url: `${url}/graphql`,
    retryAttempts,
    retry: () => new Promise((resolve) => setTimeout(resolve, 20)),
    headers: () => ({
      ...headers,
      ...(by === 'last-event-id' && last !== undefined && { 'last-event-id': String(last) }),
    }),
  });
  const { promise: over, resolve, reject } = Promise.withResolvers<void>();
  // What ends a subscription is met where a test waits for it.
  over.catch(() => undefined);
  const request = { query, variables: { ...variables } };
  const stop = client.subscribe<NonNullable<Result['data']>>(request, {
    next: (result) => {
      results.push(result as Result);
      last = result.data?.followChanges?.next ?? last;
      // The client sends the same request again.
      if (by === 'from' && last !== undefined) request.variables.from = last;
    },
    error: reject,
    complete: resolve,
  });
  return { results, over, stop };
}

export const sequencesOf = ({ results }: Followed) =>
  results.flatMap(({ data }) => data?.followChanges?.nodes.map(({ sequence }) => sequence) ?? []);

/** A way to the port that `target` says, whose connections a test cuts. */
export async function openWay(t: TestContext, target: () => number) {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const service = connect(target(), '127.0.0.1');
    for (const [from, to] of [
      [client, service],
      [service, client],
    ] as const) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  t.after(() => {
    cut();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, cut };
}

/** Waits until something holds. */
export async function until(is: () => boolean, what: string, milliseconds = 60_000): Promise<void> {
  const deadline = performance.now() + milliseconds;
  while (!is()) {
    if (performance.now() > deadline) throw new Error(`it did not come to this: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
