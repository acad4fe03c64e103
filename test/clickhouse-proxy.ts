// What stands between the program and a real ClickHouse server and goes wrong: it can be away, refuse, hang, answer for the
// server, lose the answer to an insert that was done, or hand an insert on long after it was given up.
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClickHouseServer } from './clickhouse-server.ts';

export type Mood =
  | 'well'
  | 'away'
  | 'unavailable'
  | 'hanging'
  | 'losing-answers-to-inserts'
  | 'late'
  | 'out-of-memory'
  | 'out-of-space';

const OUT_OF_MEMORY = 'Code: 241. DB::Exception: (total) memory limit exceeded: row Zoë. (MEMORY_LIMIT_EXCEEDED)';
const OUT_OF_SPACE = 'Code: 243. DB::Exception: Cannot reserve 1.00 MiB, not enough space. (NOT_ENOUGH_SPACE)';

/** Long enough for a shipper that gave up on an insert to compare and send once more. */
const LATE_MS = 1500;

export class ClickHouseProxy {
  mood: Mood = 'well';
  /** What it answers when it is asked for its version; undefined: what the server says. */
  version: string | undefined;
  /** The statements that came in, without their rows. */
  readonly statements: string[] = [];
  readonly #target: ClickHouseServer;
  readonly #server: Server;

  private constructor(target: ClickHouseServer) {
    this.#target = target;
    this.#server = createServer((incoming, outgoing) => void this.#answer(incoming, outgoing));
  }

  static async start(target: ClickHouseServer): Promise<ClickHouseProxy> {
    const proxy = new ClickHouseProxy(target);
    proxy.#server.listen(0, target.host);
    await once(proxy.#server, 'listening');
    return proxy;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  url(user: { name: string; password: string }): string {
    const address = this.#server.address();
    if (typeof address !== 'object' || address === null) throw new Error('The proxy does not listen.');
    return `http://${user.name}:${user.password}@${address.address}:${address.port}`;
  }

  async #answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await buffer(incoming).catch(() => Buffer.alloc(0));
    const given = new URL(incoming.url ?? '/', 'http://localhost').searchParams.get('query');
    const statement = given ?? body.toString('utf8');
    this.statements.push(statement.slice(0, 60));
    if (this.mood === 'hanging') return;
    if (this.mood === 'away') return void incoming.socket.destroy();
    if (this.mood === 'unavailable') return void outgoing.writeHead(503).end('<html>someone is at work here</html>');
    if (this.mood === 'out-of-memory') return void outgoing.writeHead(500).end(OUT_OF_MEMORY);
    if (this.mood === 'out-of-space' && statement.startsWith('INSERT'))
      return void outgoing.writeHead(500).end(OUT_OF_SPACE);
    if (this.version !== undefined && statement.startsWith('SELECT version()'))
      return void outgoing.end(`${JSON.stringify({ version: this.version })}\n`);
    if (this.mood === 'late' && statement.startsWith('INSERT INTO events')) {
      incoming.socket.destroy();
      await sleep(LATE_MS);
    }
    try {
      const answer = await this.#forward(incoming, body);
      const content = await buffer(answer);
      if (this.mood === 'losing-answers-to-inserts' && statement.startsWith('INSERT INTO events'))
        incoming.socket.destroy();
      else outgoing.writeHead(answer.statusCode ?? 500, answer.headers).end(content);
    } catch {
      incoming.socket.destroy();
    }
  }

  async #forward(incoming: IncomingMessage, body: Buffer): Promise<IncomingMessage> {
    const { host, httpPort } = this.#target;
    const { method, url, headers } = incoming;
    const passed = { ...headers, 'content-length': String(body.length) };
    const { 'transfer-encoding': _, ...rest } = passed;
    const outgoing = request({ host, port: httpPort, method, path: url, headers: rest });
    outgoing.end(body);
    const [answer]: IncomingMessage[] = await once(outgoing, 'response');
    if (!answer) throw new Error('The server did not answer.');
    return answer;
  }
}
