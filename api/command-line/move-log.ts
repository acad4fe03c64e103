// `metatrail move-log`: takes the log of a data folder from the embedded ClickHouse to the server or cluster that the
// environment names, while no service runs on it; or makes a data folder of a bundle (move-bundle.ts).
import { existsSync } from 'node:fs';
import path from 'node:path';
import { type Command, Option } from 'commander';
import { openClickHouse } from '../../ingest/clickhouse/connect.ts';
import { moveLog } from '../../ingest/clickhouse/move-log.ts';
import { Journal } from '../../ingest/journal/journal.ts';
import { type Environment, logTargetOf, readEnvironment, readVariables } from '../environment.ts';
import { CommandError } from './command-error.ts';
import { MoveBar } from './move-bar.ts';
import { moveFromBundle } from './move-bundle.ts';

export function addMoveLog(program: Command): void {
  program
    .command('move-log')
    .description('take the log to a server or a cluster, or from a bundle, and compare every row')
    .addOption(new Option('--data <folder>', 'the data folder (METATRAIL_DATA)'))
    .option('--to <url>', 'the address of the server (CLICKHOUSE_URL, which keeps a password out of sight)')
    .option('--from <bundle>', 'make a log of this bundle, in an empty data folder')
    .option('--checkpoint <file...>', 'with --from: signed checkpoints that were kept elsewhere')
    .option('--public-keys <file>', 'with --from: the only public keys to trust')
    .action(async (options: MoveOptions) => {
      const environment = readEnvironment({
        ...readVariables(),
        ...(options.data !== undefined && { METATRAIL_DATA: options.data }),
        ...(options.to !== undefined && { CLICKHOUSE_URL: options.to }),
      });
      if (options.from === undefined) await moveEmbeddedLog(environment);
      else await moveFromBundle(environment, options.from, options);
    });
}

interface MoveOptions {
  data?: string;
  to?: string;
  from?: string;
  checkpoint?: string[];
  publicKeys?: string;
}

/** Prints what was moved. Throws CommandError, and LogError where ClickHouse or the log stand in the way. */
async function moveEmbeddedLog(environment: Environment): Promise<void> {
  const { dataFolder: folder, clickHouseUrl: url } = environment;
  if (url === undefined)
    throw new CommandError('Where the log is to go is not known; name a server with --to or CLICKHOUSE_URL.');
  if (!existsSync(path.join(folder, 'metatrail.sqlite')) || !existsSync(path.join(folder, 'clickhouse')))
    throw new CommandError(`The folder ${folder} holds no log with an embedded ClickHouse; name one with --data.`);
  const opened: { close(): Promise<void> }[] = [];
  const open = <T extends { close(): Promise<void> }>(what: T): T => {
    opened.unshift(what);
    return what;
  };
  const bar = new MoveBar();
  try {
    // Locks the folder: while a service runs on it this is refused, and a service that is started meanwhile is.
    const journal = open(await Journal.open(folder));
    const source = open(openClickHouse({ folder }));
    const target = open(openClickHouse(logTargetOf(environment)));
    const { events, found } = await moveLog({
      journal,
      source,
      target,
      onProgress: (progress) => bar.show(progress),
    });
    bar.stop();
    console.log(
      `All ${events} events of the log are there, ${found} of them from before, and each is the same as in ${path.join(folder, 'clickhouse')}. Start Metatrail with the same CLICKHOUSE_ variables from now on; that folder is not needed any more.`,
    );
  } finally {
    bar.stop();
    for (const each of opened) await each.close();
  }
}
