// `metatrail verify` and `metatrail bundle`. The check itself is ingest/verify/, which shares nothing with the rest; here it is
// found out where the log is: in a bundle, behind the running service, or in the data folder.
import { readFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import cliProgress from 'cli-progress';
import { type Command, InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { exportBundle } from '../../ingest/bundle/export-bundle.ts';
import { Bundle } from '../../ingest/verify/bundle.ts';
import { CannotCheckError } from '../../ingest/verify/cannot-check.ts';
import { LiveLog } from '../../ingest/verify/live-log.ts';
import { describeReport, exitCodeOf, type Report } from '../../ingest/verify/report.ts';
import { type Options, verifyLog } from '../../ingest/verify/verify-log.ts';
import type { VerificationOrder } from '../http/verification.ts';
import { findService, type RunningService } from '../running-service.ts';
import { type CommonOptions, common, dataOf, environmentOf, print, withBackend } from './program-parts.ts';

interface VerifyOptions extends CommonOptions {
  offline?: string;
  checkpoint?: string[];
  publicKeys?: string;
  seed?: string;
  json?: boolean;
}

export function addVerifyCommands(program: Command): void {
  common(program.command('verify').description('check that the log is complete and unaltered; exit code 0, 1 or 2'))
    .option('--offline <folder>', 'check this bundle, without service and ClickHouse')
    .option('--checkpoint <file...>', 'signed checkpoints that were kept elsewhere')
    .option(
      '--public-keys <file>',
      'the only public keys to trust, one a line, with the size from which on it signs where that is known',
    )
    .option('--seed <text>', 'of the sample that is computed twice')
    .option('--json', 'print the report as JSON')
    .action(async (options: VerifyOptions) => {
      process.exitCode = await verify(options);
    });
  common(program.command('bundle <folder>').description('export the log for a check without service and ClickHouse'))
    .option('--from <number>', 'the first event; else the first that has not expired', parseSequence)
    .option('--to <number>', 'one past the last event', parseSequence)
    .action(async (folder: string, options: CommonOptions & { from?: number; to?: number }) => bundle(folder, options));
}

function parseSequence(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It is the number of an event, such as 0 or 4096.');
  return Number(text);
}

/** Returns the exit code. */
async function verify(options: VerifyOptions): Promise<number> {
  const progress = new Progress();
  try {
    const report = await findReport(options, progress);
    progress.stop();
    if (options.json) print(report);
    else console.log(describeReport(report));
    return exitCodeOf(report);
  } catch (error) {
    progress.stop();
    if (!(error instanceof CannotCheckError)) throw error;
    console.error(error.message);
    return 2;
  }
}

async function findReport(options: VerifyOptions, progress: Progress): Promise<Report> {
  const order = readOrder(options);
  const onProgress = (checked: number, size: number) => progress.show(checked, size);
  if (options.offline !== undefined) return verifyLog(new Bundle(options.offline), { ...order, onProgress });
  const { dataFolder: folder, clickHouseUrl: url, clickHouseDatabase: database } = environmentOf(options);
  const service = await findService(folder);
  if (service) return askService(service, order, onProgress);
  const source = await LiveLog.open({ folder, url, database });
  try {
    return await verifyLog(source, { ...order, onProgress });
  } finally {
    await source.close();
  }
}

/** What a check is held against besides the log itself. Throws CannotCheckError: a file cannot be read. */
export function readOrder({ checkpoint = [], publicKeys, seed }: VerifyOptions): VerificationOrder & Options {
  return {
    outside: checkpoint.map((file) => ({ place: `the checkpoint ${file}`, note: readText(file) })),
    ...(publicKeys !== undefined && { trusted: { place: publicKeys, keys: readText(publicKeys) } }),
    ...(seed !== undefined && { seed }),
  };
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    throw new CannotCheckError(`The file ${file} cannot be read; name another one.`);
  }
}

const isReport = (value: unknown): value is Report => typeof value === 'object' && value !== null && 'result' in value;
const lineSchema = z.union([
  z.object({ checked: z.number(), size: z.number() }),
  z.object({ report: z.custom<Report>(isReport) }),
  z.object({ problem: z.string() }),
]);

/** The service has the log open: it checks, and says how far it is. */
async function askService(
  service: RunningService,
  order: VerificationOrder,
  onProgress: (checked: number, size: number) => void,
): Promise<Report> {
  const lost = () => new CannotCheckError(`The service at ${service.url} stopped answering; look at its log.`);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { authorization: `Bearer ${service.token}`, 'content-type': 'application/json' };
    const sent = request(new URL('log/verify', service.url), { method: 'POST', headers }, resolve);
    sent.once('error', () => reject(lost()));
    sent.end(JSON.stringify(order));
  });
  for await (const text of linesOf(response, lost)) {
    if (response.statusCode !== 200) throw new CannotCheckError(text);
    const line = lineSchema.parse(JSON.parse(text));
    if ('report' in line) return line.report;
    if ('problem' in line) throw new CannotCheckError(line.problem);
    onProgress(line.checked, line.size);
  }
  throw lost();
}

/** The whole lines of an answer. Throws `lost()` when it breaks off. */
async function* linesOf(response: IncomingMessage, lost: () => CannotCheckError): AsyncIterable<string> {
  let rest = '';
  try {
    for await (const text of response.setEncoding('utf8')) {
      const lines = `${rest}${text}`.split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } catch {
    throw lost();
  }
  if (rest !== '') yield rest;
}

async function bundle(folder: string, options: CommonOptions & { from?: number; to?: number }): Promise<void> {
  const progress = new Progress();
  try {
    await withBackend(options, false, async (backend) => {
      const { from, to } = options;
      const { dataFolder } = environmentOf(options);
      // Who was erased a moment ago is not in the rows any more: the event that says so has to be.
      if (to === undefined) dataOf(await backend.ask('{ checkpoint { size } }', {}));
      const made = await exportBundle({
        dataFolder,
        target: folder,
        from,
        to,
        readRows: backend.readRows,
        onProgress: (done, total) => progress.show(done, total),
      });
      progress.stop();
      console.log(
        `${folder}: events ${made.first} to ${made.size - 1} in ${made.files} files, covered by the checkpoint of ${made.checkpoint} events. Whoever has it has the personal data in it.`,
      );
    });
  } finally {
    progress.stop();
  }
}

/** A bar on a terminal, nothing elsewhere. */
class Progress {
  #bar: cliProgress.SingleBar | undefined;

  show(done: number, total: number): void {
    if (!process.stderr.isTTY) return;
    if (!this.#bar) {
      const format = '  {bar} {value} of {total} events, {eta_formatted} left';
      this.#bar = new cliProgress.SingleBar({ format, clearOnComplete: true }, cliProgress.Presets.shades_classic);
      this.#bar.start(total, 0);
    }
    this.#bar.update(done);
  }

  stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }
}
