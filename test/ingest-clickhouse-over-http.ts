// ClickHouse over HTTP for tests: the embedded engine behind a real HTTP server, which can be away, refuse, hang, or lose
// an answer after it did the work. (A real ClickHouse server is tried elsewhere; the statements and answers are the same.)
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { createChdbConnection } from 'chdb/connection';
import { afterwards, makeFolder } from './ingest-world.ts';

export type Mood = 'well' | 'away' | 'unavailable' | 'hanging' | 'losing-answers-to-inserts' | 'out-of-memory';

const OUT_OF_MEMORY = 'Code: 241. DB::Exception: (total) memory limit exceeded: row Zoë. (MEMORY_LIMIT_EXCEEDED)';

export class ClickHouseOverHttp {
  mood: Mood = 'well';
  /** The statements that came in, without their rows. */
  readonly statements: string[] = [];
  readonly #engine: ReturnType<typeof createChdbConnection>;
  readonly #server: Server;

  private constructor(folder: string) {
    this.#engine = createChdbConnection({ path: folder });
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async start(t: TestContext): Promise<ClickHouseOverHttp> {
    const server = new ClickHouseOverHttp(makeFolder(t));
    afterwards(t, async () => {
      server.#server.closeAllConnections();
      server.#server.close();
      await server.#engine.close();
    });
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get url(): string {
    const address = this.#server.address();
    if (typeof address !== 'object' || address === null) throw new Error('The server does not listen.');
    return `http://someone:geheim@127.0.0.1:${address.port}`;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const body = await text(request).catch(() => '');
    const given = url.searchParams.get('query');
    const statement = given ?? body;
    this.statements.push(statement.slice(0, 60));
    if (this.mood === 'hanging') return;
    if (this.mood === 'away') return void request.socket.destroy();
    if (this.mood === 'unavailable') return void response.writeHead(503).end('<html>someone is at work here</html>');
    if (this.mood === 'out-of-memory') return void response.writeHead(500).end(OUT_OF_MEMORY);
    const parameters = [...url.searchParams].filter(([name]) => name.startsWith('param_'));
    try {
      const { stream } = await this.#engine.query({
        query: given === null ? statement : `${given}\n${body}`,
        query_params: Object.fromEntries(parameters.map(([name, value]) => [name.slice('param_'.length), value])),
      });
      const answer = await text(stream);
      if (this.mood === 'losing-answers-to-inserts' && statement.startsWith('INSERT INTO events'))
        request.socket.destroy();
      else response.end(answer);
    } catch (error) {
      response.writeHead(500).end(`Code: 1. DB::Exception: ${String(error)} (SYNTAX_ERROR)`);
    }
  }
}
