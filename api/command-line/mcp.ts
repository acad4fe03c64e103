// `metatrail mcp`: the questions as tools of an assistant, over stdin and stdout. Stdout is the protocol: nothing else is
// written there.
import { once } from 'node:events';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import type { Command } from 'commander';
import type { Environment } from '../environment.ts';
import { type Ask, createMcpServer } from '../mcp/server.ts';
import { type Backend, type GraphQLAnswer, openBackend } from './backend.ts';
import { describeFailure } from './failure.ts';
import { type CommonOptions, common, environmentOf, reasonOf, withReason } from './program-parts.ts';

/** A message of an assistant that is larger is none. */
const LARGEST_MESSAGE_BYTES = 1_000_000;

export function addMcp(program: Command): void {
  withReason(
    common(program.command('mcp').description('answer an assistant over stdin and stdout (Model Context Protocol)')),
  ).action(async (options: CommonOptions & { reason?: string }) => {
    await serveAssistant(environmentOf(options), reasonOf(options.reason).reason);
  });
}

/** Returns when the assistant is gone, or a signal says to stop, and every question under way is over. */
async function serveAssistant(environment: Environment, reason: string | undefined): Promise<void> {
  const door = new Door(environment);
  const server = createMcpServer({ ask: door.ask, describe: describeFailure, reason });
  const transport = new StdioServerTransport(process.stdin, process.stdout, { maxBufferSize: LARGEST_MESSAGE_BYTES });
  const over = new AbortController();
  const stop = () => over.abort();
  server.server.onclose = stop;
  server.server.onerror = (error) => console.error(`A message of the assistant cannot be taken (${error.name}).`);
  process.stdin.once('end', stop);
  process.stdout.once('error', stop);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  const stopped = once(over.signal, 'abort');
  await server.connect(transport);
  await stopped;
  // What is under way is cancelled, and the data folder is closed behind it.
  await server.close();
  await door.settled();
}

/**
 * Opens what answers for each question, and closes it when none is under way: a service that is started or stopped meanwhile is
 * found, and an assistant that idles keeps no data folder from a service.
 */
class Door {
  readonly #environment: Environment;
  #opened: Promise<Backend> | undefined;
  #closing: Promise<void> = Promise.resolve();
  readonly #asking = new Set<Promise<GraphQLAnswer>>();

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  ask: Ask = async (...question) => {
    this.#opened ??= this.#closing.then(() => openBackend(this.#environment, false));
    const asking = this.#opened.then((backend) => backend.ask(...question));
    this.#asking.add(asking);
    try {
      return await asking;
    } finally {
      this.#asking.delete(asking);
      if (this.#asking.size === 0) this.#close();
    }
  };

  #close(): void {
    const opened = this.#opened;
    this.#opened = undefined;
    // What could not be opened was said to whoever asked.
    this.#closing = Promise.resolve(
      opened?.then(
        (backend) => backend.close(),
        () => undefined,
      ),
    );
  }

  /** Resolves when nothing is open any more. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#asking);
    await this.#closing;
  }
}
