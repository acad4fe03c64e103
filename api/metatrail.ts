#!/usr/bin/env node
// The entry of the program. Needs UV_THREADPOOL_SIZE set before Node starts (bin/ and npm scripts do): queries of the
// embedded ClickHouse run on libuv's threads.
import { describeFailure } from './command-line/failure.ts';
import { createProgram } from './command-line/program.ts';

try {
  await createProgram().parseAsync();
} catch (error) {
  console.error(describeFailure(error));
  process.exit(1);
}
