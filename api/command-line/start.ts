// `metatrail start`: opens the data folder, listens, builds the web application when it is not built yet, replays the
// demonstration company when that is what runs, and prints where to sign in.
import path from 'node:path';
import cliProgress from 'cli-progress';
import { destination, type Logger, pino } from 'pino';
import {
  isDemonstrationComplete,
  prepareDemonstration,
  replayDemonstration,
} from '../../engine/demonstration/replay.ts';
import { systemClock } from '../../ingest/clock.ts';
import { REMEDIES } from '../../ingest/errors.ts';
import { OpenId } from '../access/openid.ts';
import {
  type ConfigurationChoice,
  chooseConfiguration,
  isDemonstration,
  readConfiguration,
  rememberChoice,
} from '../configuration-choice.ts';
import type { Environment } from '../environment.ts';
import { createHttpApplication } from '../http/server.ts';
import { Installation } from '../installation.ts';
import { announceService, withdrawService } from '../running-service.ts';
import { SignIn } from '../sign-in.ts';
import { startTraces } from '../traces.ts';
import { buildWebApplication, WEB_FOLDER } from '../web-build.ts';
import { type Doors, openDoors } from './doors.ts';

const LOG_FILE = 'metatrail.log';

/** Starts the service and returns when it is ready; it then runs until SIGINT or SIGTERM. */
export async function startService(environment: Environment, variables: Record<string, string>): Promise<void> {
  const { dataFolder } = environment;
  const openId = environment.openId && new OpenId(environment.openId);
  openId?.checkSecret();
  const choice = chooseConfiguration(dataFolder, environment.configurationFile, variables);
  const configuration = readConfiguration(choice, dataFolder);
  const installation = await Installation.open(environment, configuration);
  try {
    await serve(installation, environment, choice, openId);
  } catch (error) {
    // An embedded ClickHouse that is at work must not be left by a process that ends.
    withdrawService(dataFolder);
    await installation.close();
    throw error;
  }
}

async function serve(
  installation: Installation,
  environment: Environment,
  choice: ConfigurationChoice,
  openId: OpenId | undefined,
): Promise<void> {
  const { dataFolder } = environment;
  const { configuration } = installation.engine;
  if (isDemonstration(choice)) await prepareDemonstration(dataFolder);
  const logger = openLogger(environment);
  const endTraces = environment.traces ? await startTraces((message) => logger.warn(message)) : undefined;
  const signIn = new SignIn(installation.log.journal, systemClock, openId);
  let doing: string | undefined = 'starting';
  let doors: Doors | undefined;
  const application = createHttpApplication({
    installation,
    signIn,
    logger,
    notReady: () => doing,
    publicLog: environment.publicLog,
    // Known once it listens, and before anybody can ask.
    address: () => doors?.address ?? new URL('http://localhost/'),
    webFolder: WEB_FOLDER,
    proxies: environment.proxies,
    openMetrics: environment.openMetrics,
  });
  doors = await openDoors(application, environment);
  const url = doors.address.href;
  rememberChoice(choice, dataFolder);
  announceService(dataFolder, { url: doors.local, token: signIn.commandLineToken, pid: process.pid });
  const stopping = new AbortController();
  stopOnSignals({ doors, installation, dataFolder, logger, stopping, endTraces });
  installation.log.publication.onFailed((message) => logger.warn(message));
  installation.alerts.onFailed((message) => logger.warn(message));
  installation.feeds.onFailed((message) => logger.warn(message));
  logger.info({ url, configuration: configuration.name }, 'The service listens.');
  console.log(`Metatrail runs ${configuration.name} in ${dataFolder}.`);
  const built = buildWebApplication();
  if (isDemonstration(choice) && !isDemonstrationComplete(installation.log.journal)) {
    doing = 'the demonstration company is being replayed';
    await replayWithProgress(installation, dataFolder, stopping.signal);
  }
  doing = 'the web application is being built';
  await built;
  doing = 'the change log is being delivered';
  await installation.catchUp();
  if (stopping.signal.aborted) return;
  const { problem } = installation.log.shipper;
  if (problem) console.log(`\n${problem.message} ${REMEDIES[problem.code]}`);
  const where = openId
    ? `Open this address to sign in with ${openId.issuer}:\n\n  ${url}\n`
    : `Open this address to sign in (it works once, within an hour):\n\n  ${url}sign-in?token=${await signIn.createLink()}\n\nnpx metatrail sign-in prints another.`;
  installation.alerts.start(environment.url ?? doors.address);
  installation.feeds.start();
  doing = undefined;
  logger.info('The service is ready.');
  console.log(`\n${where} Ctrl+C stops the service.`);
}

function openLogger(environment: Environment): Logger {
  return pino(
    { level: environment.logLevel, base: null },
    destination({ dest: path.join(environment.dataFolder, LOG_FILE), sync: true, mode: 0o600 }),
  );
}

async function replayWithProgress(installation: Installation, dataFolder: string, signal: AbortSignal): Promise<void> {
  const bar = new cliProgress.SingleBar(
    {
      format: '  {bar} month {month} of {months} · {what}',
      noTTYOutput: true,
      notTTYSchedule: 5000,
      clearOnComplete: true,
    },
    cliProgress.Presets.shades_classic,
  );
  let started = false;
  await replayDemonstration({
    engine: installation.engine,
    journal: installation.log.journal,
    folder: dataFolder,
    signal,
    onProgress: ({ month, months, done, total, what }) => {
      if (!started) {
        console.log('Replaying two years of a demonstration company through the engine (first start only):');
        bar.start(total, done, { month, months, what });
        started = true;
      }
      bar.update(done, { month, months, what });
    },
  });
  if (started) bar.stop();
}

interface Stoppable {
  doors: Doors;
  installation: Installation;
  dataFolder: string;
  logger: Logger;
  stopping: AbortController;
  endTraces: (() => Promise<void>) | undefined;
}

function stopOnSignals({ doors, installation, dataFolder, logger, stopping, endTraces }: Stoppable): void {
  const stop = async () => {
    if (stopping.signal.aborted) process.exit(1);
    stopping.abort();
    withdrawService(dataFolder);
    doors.close();
    await installation.close();
    await endTraces?.();
    const { problem } = installation.log.checkpoints;
    if (problem) logger.warn({ code: problem.code }, `The last events are not signed for yet. ${problem.message}`);
    logger.info('The service has stopped.');
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop());
}
