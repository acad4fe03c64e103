// A process that is a ClickHouse server: the engine of the package chdb, called as `clickhouse local` is, opens listeners
// for HTTP and TCP. It ends with the test that started it, whatever became of that: it kills itself when its standard input
// closes, from a thread of its own, for the engine never gives the first one back.
import { readSync } from 'node:fs';
import { isMainThread, Worker } from 'node:worker_threads';
import { libchdbPath } from 'chdb/libchdb';
// Calls on the thread's own stack; the engine refuses the small stacks that other libraries call on.
import { DataType, load, open } from 'ffi-rs';

/** Ten hours: longer than any test. */
const FOREVER =
  'SELECT sleepEachRow(1) FROM numbers(36000) SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 0 FORMAT Null';

if (isMainThread) {
  new Worker(new URL(import.meta.url));
  serve(process.argv.slice(2));
} else {
  waitForEnd();
}

function serve(options: readonly string[]): void {
  open({ library: 'chdb', path: libchdbPath() });
  const listen = 'SYSTEM START LISTEN HTTP; SYSTEM START LISTEN TCP';
  const argv = ['clickhouse', ...options, '--query', `${listen}; ${FOREVER}`];
  load({
    library: 'chdb',
    funcName: 'chdb_query_cmdline',
    retType: DataType.I64,
    paramsType: [DataType.I32, DataType.StringArray],
    paramsValue: [argv.length, argv],
  });
}

function waitForEnd(): void {
  const byte = new Uint8Array(1);
  while (readSync(0, byte) > 0);
  process.kill(process.pid, 'SIGKILL');
}
