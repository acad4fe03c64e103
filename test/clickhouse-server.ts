// Real ClickHouse servers for tests, one or a cluster of them, with HTTP and TCP, users and grants. Each is a process of its
// own that can be killed, stopped for a while and started again on the same folder and ports.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

/** A user with the rights that these GRANT statements give, without their `TO …`. */
export interface ServerUser {
  name: string;
  password: string;
  grants: readonly string[];
}

export interface ServerOptions {
  /** Besides `default`, who has every right, and no password. */
  users?: readonly ServerUser[];
  /** How many shards: each is a server, and all of them know each other under the name of the cluster. */
  shards?: number;
  /** Whether they write down every statement and whatever they do, in `system.query_log`, `system.text_log` and a file. */
  logged?: boolean;
}

export const CLUSTER = 'company';
/** The same servers as replicas of one shard, which need Keeper, and as such ones that are not told to replicate. */
export const REPLICAS = 'replicas';
export const CARELESS_REPLICAS = 'careless_replicas';
/** The database of the tests: that of `clickhouse local` named `default` is none of an ordinary server. */
export const DATABASE = 'metatrail';
const FIRST_AS_OTHERS_SEE_IT = '127.0.0.254';
const READY_MS = 30_000;
const CHILD = path.join(import.meta.dirname, 'clickhouse-server-child.ts');

export class ClickHouseServer {
  readonly host: string;
  readonly httpPort: number;
  readonly tcpPort: number;
  /** What it keeps on the disk. */
  readonly folder: string;
  #process: ChildProcess | undefined;

  constructor(folder: string, host: string, ports: Ports) {
    this.folder = folder;
    this.host = host;
    this.httpPort = ports.http;
    this.tcpPort = ports.tcp;
  }

  /** The address for a user; `default` where none is given. */
  url(user?: { name: string; password: string }): string {
    return `http://${user ? `${user.name}:${user.password}@` : ''}${this.host}:${this.httpPort}`;
  }

  /** Starts the process and resolves when it answers. What it says is in the folder's `server.log` until then. */
  async start(): Promise<void> {
    const options = [
      `--path=${path.join(this.folder, 'data')}`,
      `--http_port=${this.httpPort}`,
      `--tcp_port=${this.tcpPort}`,
      `--config-file=${path.join(this.folder, 'config.xml')}`,
    ];
    const child = spawn(process.execPath, ['--no-warnings', CHILD, ...options], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#process = child;
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk) => {
        said += chunk;
      });
    for (let waited = 0; !(await this.#answers()); waited += 20) {
      assert.ok(child.exitCode === null && child.signalCode === null, `ClickHouse did not start: ${said}`);
      assert.ok(waited < READY_MS, `ClickHouse did not answer in half a minute: ${said}`);
      await sleep(20);
    }
  }

  async #answers(): Promise<boolean> {
    return this.#ask('/', 'SELECT 1')
      .then(({ status }) => status === 200)
      .catch(() => false);
  }

  /** Kills it as a power failure would end the process. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** Lets it hang, and go on. */
  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process?.kill('SIGCONT');
  }

  /** Runs a statement as `default` in the database of the tests and returns what it answers, tab separated. */
  async query(sql: string, database = DATABASE): Promise<string> {
    const { status, said } = await this.#ask(`/?database=${database}`, sql);
    assert.equal(status, 200, said);
    return said.trimEnd();
  }

  /** On a connection of its own: one that was kept may be closed by the server just now, or with it. */
  async #ask(place: string, body: string): Promise<{ status: number | undefined; said: string }> {
    const { host, httpPort: port } = this;
    const asked = request({ host, port, path: place, method: 'POST', agent: false });
    asked.end(body);
    const [answer]: IncomingMessage[] = await once(asked, 'response');
    if (answer === undefined) throw new Error('There is no answer.');
    return { status: answer.statusCode, said: await text(answer) };
  }
}

export class ClickHouseServers {
  readonly all: readonly ClickHouseServer[];
  readonly #folder: string;

  private constructor(folder: string, all: readonly ClickHouseServer[]) {
    this.#folder = folder;
    this.all = all;
  }

  /** Starts them, with an empty database. They are stopped by `stop`, and end with this process at the latest. */
  static async start({ users = [], shards = 1, logged = false }: ServerOptions = {}): Promise<ClickHouseServers> {
    const folder = mkdtempSync(path.join(tmpdir(), 'metatrail-clickhouse-'));
    // Every address of 127.0.0.0/8 is this machine: servers of a cluster differ in it, and their ports are the same.
    const hosts = Array.from({ length: shards }, (_, i) => `127.0.0.${i + 1}`);
    const ports = await findFreePorts([...hosts, ...(shards > 1 ? [FIRST_AS_OTHERS_SEE_IT] : [])]);
    const all = hosts.map((host, i) => {
      const home = path.join(folder, `${i + 1}`);
      mkdirSync(path.join(home, 'data'), { recursive: true });
      writeFileSync(path.join(home, 'config.xml'), configurationXml({ home, hosts, which: i, ports, logged }));
      writeFileSync(path.join(home, 'users.xml'), usersXml(users));
      return new ClickHouseServer(home, host, ports);
    });
    const servers = new ClickHouseServers(folder, all);
    for (const server of all) {
      await server.start();
      await server.query(`CREATE DATABASE ${DATABASE} ENGINE = Atomic`, 'default');
    }
    return servers;
  }

  get first(): ClickHouseServer {
    return this.at(0);
  }

  at(index: number): ClickHouseServer {
    return this.all[index] ?? assert.fail(`There is no server ${index}.`);
  }

  async stop(): Promise<void> {
    await Promise.all(this.all.map((server) => server.kill()));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

interface Ports {
  http: number;
  tcp: number;
}

/** Two ports that are free on each of these addresses. */
async function findFreePorts(hosts: readonly string[]): Promise<Ports> {
  const found: number[] = [];
  for (let attempt = 0; attempt < 100 && found.length < 2; attempt++) {
    const port = await bindPort(hosts[0], 0);
    const others = await Promise.all(hosts.slice(1).map((host) => bindPort(host, port).catch(() => 0)));
    if (!found.includes(port) && others.every((other) => other === port)) found.push(port);
  }
  const [http, tcp] = found;
  if (http === undefined || tcp === undefined) assert.fail('There are no free ports.');
  return { http, tcp };
}

/** Binds the port, 0 for any, lets it go again, and returns its number. */
async function bindPort(host: string | undefined, port: number): Promise<number> {
  const server = createServer().listen(port, host);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}

interface ServerPlace {
  home: string;
  hosts: readonly string[];
  which: number;
  ports: Ports;
  logged: boolean;
}

/**
 * With a secret in it, servers of a cluster ask each other as the user who asked the first of them. Each must know which of
 * them it is, or it would talk to itself over TCP, and this library ends when such a connection is cut. It takes 127.0.0.1 for
 * itself and no other address; so that is what each calls itself, and the first has another name for the others.
 */
function configurationXml({ home, hosts, which, ports, logged }: ServerPlace): string {
  const called = hosts.map((host, i) => (i === which ? '127.0.0.1' : i === 0 ? FIRST_AS_OTHERS_SEE_IT : host));
  const each = called.map((host) => `<replica><host>${host}</host><port>${ports.tcp}</port></replica>`);
  const shards = each.map((replica) => `<shard>${replica}</shard>`).join('');
  const replicas = `<shard><internal_replication>true</internal_replication>${each.join('')}</shard>`;
  const clusters = { [CLUSTER]: shards, [REPLICAS]: replicas, [CARELESS_REPLICAS]: `<shard>${each.join('')}</shard>` };
  const secret = '<secret>between us</secret>';
  const servers = Object.entries(clusters).map(([name, inside]) => `<${name}>${secret}${inside}</${name}>`);
  const listen = which === 0 && hosts.length > 1 ? [hosts[0], FIRST_AS_OTHERS_SEE_IT] : [hosts[which]];
  return `<clickhouse>
  <user_directories><users_xml><path>${home}/users.xml</path></users_xml></user_directories>
  ${listen.map((host) => `<listen_host>${host}</listen_host>`).join('')}
  <tcp_port>${ports.tcp}</tcp_port>
  <remote_servers>${servers.join('')}</remote_servers>
  <macros><shard>${which + 1}</shard><replica>${hosts[which]}</replica></macros>
  ${logged ? logsXml(home) : '<logger><level>none</level></logger>'}
</clickhouse>`;
}

function logsXml(home: string): string {
  const flushed = '<flush_interval_milliseconds>100</flush_interval_milliseconds>';
  const table = (name: string, more = '') =>
    `<${name}><database>system</database><table>${name}</table>${more}${flushed}</${name}>`;
  const tables = [table('query_log'), table('text_log', '<level>trace</level>')];
  return `<logger><level>trace</level><log>${path.join(home, 'server.log')}</log></logger>${tables.join('')}`;
}

function usersXml(users: readonly ServerUser[]): string {
  const common = '<networks><ip>127.0.0.0/8</ip></networks><profile>default</profile><quota>default</quota>';
  const others = users.map(({ name, password, grants }) => {
    const rights = grants.map((grant) => `<query>${grant}</query>`).join('');
    return `<${name}><password>${password}</password>${common}<grants>${rights}</grants></${name}>`;
  });
  return `<clickhouse>
  <profiles><default/></profiles><quotas><default/></quotas>
  <users><default><password/>${common}<access_management>1</access_management></default>${others.join('')}</users>
</clickhouse>`;
}
