// A PostgreSQL of Debian's with a data folder of its own, on a Unix socket only, as a user that is not root; it ends with
// the measurement. Its own programs talk to it: psql, and pgbench where the time counts.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const VERSIONS = '/usr/lib/postgresql';
const READY_MS = 60_000;
const POLL_MS = 100;
const USER = 'postgres';
const LARGEST_OUTPUT = 64 * 1024 * 1024;
/** Durable as it comes, with the memory of a small server of its own; a page is not written twice as often as it need be. */
const SETTINGS = `listen_addresses = ''
fsync = on
synchronous_commit = on
full_page_writes = on
shared_buffers = 1GB
max_wal_size = 4GB
checkpoint_timeout = 15min
maintenance_work_mem = 256MB
`;

/** The folder of its programs, or undefined where PostgreSQL is not installed (Debian package postgresql-15). */
export function findPostgres(): string | undefined {
  const versions = existsSync(VERSIONS) ? readdirSync(VERSIONS) : [];
  return versions
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(VERSIONS, version, 'bin'))
    .find((folder) => existsSync(join(folder, 'pgbench')) && existsSync(join(folder, 'initdb')));
}

export class Postgres {
  readonly #programs: string;
  readonly #folder: string;
  readonly #server: ChildProcess;

  private constructor(programs: string, folder: string, server: ChildProcess) {
    this.#programs = programs;
    this.#folder = folder;
    this.#server = server;
  }

  /** Starts a fresh one below `parent`. Throws Error when it does not become ready. */
  static async start(programs: string, parent: string): Promise<Postgres> {
    const folder = join(parent, 'postgres');
    mkdirSync(folder);
    const isRoot = process.getuid?.() === 0;
    if (isRoot) {
      chmodSync(parent, 0o711);
      chownSync(folder, Number(execFileSync('id', ['-u', USER])), Number(execFileSync('id', ['-g', USER])));
    }
    const data = join(folder, 'data');
    runAs(join(programs, 'initdb'), ['-D', data, '-U', USER, '--auth=trust', '-E', 'UTF8', '--locale=C.UTF-8']);
    appendFileSync(join(data, 'postgresql.conf'), `${SETTINGS}unix_socket_directories = '${folder}'\n`);
    const [program, args] = asUser(join(programs, 'postgres'), ['-D', data]);
    const server = spawn(program, args, { stdio: ['ignore', 'ignore', 'ignore'], cwd: '/' });
    const postgres = new Postgres(programs, folder, server);
    try {
      await postgres.#waitUntilReady();
      return postgres;
    } catch (error) {
      await postgres.stop();
      throw error;
    }
  }

  async #waitUntilReady(): Promise<void> {
    for (let waited = 0; waited < READY_MS; waited += POLL_MS) {
      if (this.#server.exitCode !== null) break;
      if (spawnSync(join(this.#programs, 'pg_isready'), ['-h', this.#folder]).status === 0) return;
      await sleep(POLL_MS);
    }
    throw new Error('PostgreSQL did not become ready.');
  }

  /** Runs statements, each in its own transaction, and returns what they print, unaligned. */
  sql(statements: string): string {
    return this.#psql(['-c', statements]);
  }

  file(path: string): void {
    // Read here: the server's user may not read the sources.
    this.#psql([], readFileSync(path, 'utf8'));
  }

  /** Fills a table with lines of text format (tabs between the columns). */
  copy(table: string, lines: string): void {
    this.#psql(['-c', `COPY ${table} FROM STDIN`], lines);
  }

  #psql(args: string[], input?: string): string {
    const shared = ['-h', this.#folder, '-U', USER, '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1'];
    return execFileSync(join(this.#programs, 'psql'), [...shared, ...args], {
      encoding: 'utf8',
      maxBuffer: LARGEST_OUTPUT,
      stdio: ['pipe', 'pipe', 'inherit'],
      ...(input !== undefined && { input }),
    }).trim();
  }

  /** Runs a script of pgbench so often in each client; returns the milliseconds of each run and of all together. */
  bench(script: string, { clients, times }: { clients: number; times: number }): { each: number[]; seconds: number } {
    const folder = join(this.#folder, '..', 'pgbench');
    mkdirSync(folder);
    try {
      writeFileSync(join(folder, 'script.sql'), script);
      const program = join(this.#programs, 'pgbench');
      const threads = Math.min(clients, 2);
      const shape = ['-n', '-M', 'prepared', '-c', String(clients), '-j', String(threads), '-t', String(times)];
      const where = ['-h', this.#folder, '-U', USER, '--random-seed=1', '-l', '-f', 'script.sql', 'postgres'];
      const begun = performance.now();
      execFileSync(program, [...shape, ...where], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
      const seconds = (performance.now() - begun) / 1000;
      const logs = readdirSync(folder).filter((name) => name.startsWith('pgbench_log'));
      const lines = logs.flatMap((name) => readFileSync(join(folder, name), 'utf8').trim().split('\n'));
      // client, transaction, microseconds, … It looks at its clock once in a while: what is over before then took none.
      const each = lines.map((line) => Math.max(1, Number(line.split(' ')[2])) / 1000);
      if (each.length !== clients * times) throw new Error(`pgbench did ${each.length} of ${clients * times} runs.`);
      return { each, seconds };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  async stop(): Promise<void> {
    if (this.#server.exitCode !== null || this.#server.signalCode !== null) return;
    // The postmaster itself: between it and us there may be a runuser, which passes SIGTERM on but waits.
    const gone = once(this.#server, 'exit');
    const file = join(this.#folder, 'data', 'postmaster.pid');
    const pid = existsSync(file) ? Number(readFileSync(file, 'utf8').split('\n')[0]) : this.#server.pid;
    // SIGINT: PostgreSQL's fast shutdown.
    if (pid !== undefined) process.kill(pid, 'SIGINT');
    await gone;
  }
}

/** PostgreSQL refuses to run as root. */
function asUser(program: string, args: readonly string[]): [string, string[]] {
  return process.getuid?.() === 0 ? ['runuser', ['-u', USER, '--', program, ...args]] : [program, [...args]];
}

function runAs(program: string, args: readonly string[]): void {
  const [as, all] = asUser(program, args);
  execFileSync(as, all, { stdio: ['ignore', 'ignore', 'inherit'], cwd: '/' });
}
