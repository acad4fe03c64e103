// `metatrail recover`: says where ClickHouse and the journal disagree and what that means, and with --apply makes them agree.
// It opens both stores itself, so the service is stopped meanwhile.
import { userInfo } from 'node:os';
import { type Command, Option } from 'commander';
import { type ClickHouse, openClickHouse } from '../../ingest/clickhouse/connect.ts';
import { migrateClickHouse } from '../../ingest/clickhouse/migrate.ts';
import { findObstacle, readPending, repair } from '../../ingest/clickhouse/recover.ts';
import { diagnose, isHealthy } from '../../ingest/clickhouse/recover-diagnosis.ts';
import { explain } from '../../ingest/clickhouse/recover-explanation.ts';
import { Shipper } from '../../ingest/clickhouse/shipper.ts';
import { Journal } from '../../ingest/journal/journal.ts';
import { partitionEvents } from '../../ingest/retention/tombstones.ts';
import { type Environment, logTargetOf } from '../environment.ts';
import { findService } from '../running-service.ts';
import { checkDataFolder } from './backend.ts';
import { CommandError } from './command-error.ts';
import { environmentOf } from './program-parts.ts';

export function addRecover(program: Command): void {
  program
    .command('recover')
    .description(
      'say where ClickHouse and the journal disagree, and with --apply make them agree; the service is stopped',
    )
    .addOption(new Option('--data <folder>', 'the data folder (METATRAIL_DATA)'))
    .option('--apply', 'repair it; without this nothing is changed')
    .option('--from-journal', 'where they differ the journal is right')
    .option('--why <text>', 'the reason, kept in the log; it names no person')
    .option('--by <name>', 'who repairs it, kept in the log (the user of this machine)')
    .action((options: RecoverOptions & { data?: string }) => recover(environmentOf(options), options));
}

interface RecoverOptions {
  apply?: true;
  fromJournal?: true;
  why?: string;
  by?: string;
}

/** Prints what it finds and does. The exit code is 1 when something is left to repair. Throws CommandError and LogError. */
async function recover(environment: Environment, options: RecoverOptions): Promise<void> {
  const { dataFolder } = environment;
  const service = await findService(dataFolder);
  if (service)
    throw new CommandError(
      `The service at ${service.url} runs on the data folder ${dataFolder}; stop it first, for recover needs journal and ClickHouse for itself.`,
    );
  checkDataFolder(dataFolder);
  if (options.apply && !options.why?.trim())
    throw new CommandError('--apply needs --why "…": the reason is kept in the log. Let it name no person.');
  const journal = await Journal.open(dataFolder);
  let clickhouse: ClickHouse | undefined;
  try {
    clickhouse = openClickHouse(logTargetOf(environment));
    await migrateClickHouse(clickhouse, partitionEvents(journal));
    await recoverOpened(journal, clickhouse, options);
  } finally {
    await clickhouse?.close();
    await journal.close();
  }
}

async function recoverOpened(journal: Journal, clickhouse: ClickHouse, options: RecoverOptions): Promise<void> {
  const diagnosis = await diagnose(journal, clickhouse);
  const pending = readPending(journal);
  for (const line of explain(diagnosis)) console.log(line);
  if (pending) console.log('A recovery was cut off; --apply finishes it.');
  if (isHealthy(diagnosis) && !pending) {
    const { size, shipped } = diagnosis;
    console.log(
      `Nothing to recover: ${size} events are accepted, ${shipped} delivered, and ClickHouse holds them as the journal does.`,
    );
    return;
  }
  const fromJournal = options.fromJournal ?? false;
  const obstacle = findObstacle(diagnosis, { fromJournal });
  if (obstacle !== undefined) console.log(obstacle);
  if (obstacle !== undefined || !options.apply) {
    console.log('Nothing was changed.');
    process.exitCode = 1;
    return;
  }
  const order = { by: options.by ?? userInfo().username, why: options.why ?? '', fromJournal };
  const { setAside, putBack } = await repair(journal, clickhouse, diagnosis, order);
  await shipRest(journal, clickhouse);
  if (!isHealthy(await diagnose(journal, clickhouse)))
    throw new CommandError('Log and journal still disagree; look at it again with metatrail recover.');
  console.log(
    `Repaired: ${setAside} rows set aside, ${putBack} put back from the journal; ${journal.size} events are accepted and delivered.`,
  );
}

async function shipRest(journal: Journal, clickhouse: ClickHouse): Promise<void> {
  const shipper = new Shipper(journal, clickhouse);
  shipper.start();
  try {
    await shipper.delivered(journal.size);
  } finally {
    await shipper.stop();
  }
}
