// What stands between the program and a real ClickHouse server and goes wrong: it can be away, refuse, hang, be slow, answer for
// the server, lose the answer to an insert that was done, or hand an insert on long after it was given up.
import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClickHouseServer } from './clickhouse-server.ts';

export type Mood =
  | 'well'
  | 'away'
  | 'unavailable'
  | 'hanging'
  | 'out-of-memory'
  /** As out of memory, but questions are answered. */
  | 'out-of-memory-for-inserts'
  /** All is done at once; the answers to inserts come after LATE_MS. */
  | 'slow'
  /** An insert is done, and the connection cut instead of its answer. */
  | 'losing-answers-to-inserts'
  /** An insert is done, and an error is answered after it. */
  | 'error-after-insert'
  /** An error is answered to an insert, at which the server works for LATE_MS more. */
  | 'error-while-inserting'
  /** The connection is cut, and the server gets the insert after LATE_MS, or when `lateUntil` says so. */
  | 'late';

const OUT_OF_MEMORY = 'Code: 241. DB::Exception: (total) memory limit exceeded: row Zoë. (MEMORY_LIMIT_EXCEEDED)';
const TOO_SLOW = 'Code: 159. DB::Exception: Timeout exceeded: elapsed 60.1 seconds, row Zoë. (TIMEOUT_EXCEEDED)';

/** Long enough for a shipper that gave up on an insert to compare and send once more. */
export const LATE_MS = 1500;

export class ClickHouseProxy {
  mood: Mood = 'well';
  /** What it answers when it is asked for its version; undefined: what the server says. */
  version: string | undefined;
  /** The statements that came in, without their rows. */
  readonly statements: string[] = [];
  lateUntil: Promise<void> | undefined;
  /** How many inserts it has got that the server is not done with, or has not got yet. */
  insertsUnderWay = 0;
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
    if (this.version !== undefined && statement.startsWith('SELECT version()'))
      return void outgoing.end(
        JSON.stringify({ meta: [{ name: 'version', type: 'String' }], data: [[this.version]], rows: 1 }),
      );
    try {
      if (statement.startsWith('INSERT INTO events')) await this.#insert(incoming, outgoing, body);
      else pass(await this.#forward(incoming, body), outgoing);
    } catch {
      incoming.socket.destroy();
    }
  }

  async #insert(incoming: IncomingMessage, outgoing: ServerResponse, body: Buffer): Promise<void> {
    const { mood } = this;
    if (mood === 'out-of-memory-for-inserts') return void outgoing.writeHead(500).end(OUT_OF_MEMORY);
    this.insertsUnderWay += 1;
    try {
      if (mood === 'late') {
        incoming.socket.destroy();
        await (this.lateUntil ?? sleep(LATE_MS));
      }
      if (mood === 'error-while-inserting') outgoing.writeHead(500).end(TOO_SLOW);
      const answer = await this.#forward(incoming, body, mood === 'error-while-inserting' ? LATE_MS : 0);
      if (answer.status !== 200) return pass(answer, outgoing);
      if (mood === 'slow') await sleep(LATE_MS);
      if (mood === 'error-after-insert') outgoing.writeHead(500).end(TOO_SLOW);
      else if (mood === 'losing-answers-to-inserts') incoming.socket.destroy();
      else if (mood !== 'late' && mood !== 'error-while-inserting') pass(answer, outgoing);
    } finally {
      this.insertsUnderWay -= 1;
    }
  }

  /** Hands a statement on, the second half of it after `pause`, and returns the answer. */
  async #forward(incoming: IncomingMessage, body: Buffer, pause = 0): Promise<Answer> {
    const { host, httpPort } = this.#target;
    const { method, url, headers } = incoming;
    const passed = { ...headers, 'content-length': String(body.length) };
    const { 'transfer-encoding': _, ...rest } = passed;
    const outgoing = request({ host, port: httpPort, method, path: url, headers: rest });
    const answered = once(outgoing, 'response');
    if (pause > 0) {
      outgoing.write(body.subarray(0, body.length / 2));
      await sleep(pause);
    }
    outgoing.end(pause > 0 ? body.subarray(body.length / 2) : body);
    const [answer]: IncomingMessage[] = await answered;
    if (!answer) throw new Error('The server did not answer.');
    return { status: answer.statusCode ?? 500, headers: answer.headers, content: await buffer(answer) };
  }
}

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  content: Buffer;
}

function pass({ status, headers, content }: Answer, outgoing: ServerResponse): void {
  outgoing.writeHead(status, headers).end(content);
}
