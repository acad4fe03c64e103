// `metatrail start`: opens the data folder, listens, builds the web application when it is not built yet, replays the
// demonstration company when that is what runs, and prints where to sign in.
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import cliProgress from 'cli-progress';
import { destination, type Logger, pino } from 'pino';
import {
  isDemonstrationComplete,
  prepareDemonstration,
  replayDemonstration,
} from '../../engine/demonstration/replay.ts';
import { REMEDIES } from '../../ingest/errors.ts';
import {
  type ConfigurationChoice,
  chooseConfiguration,
  isDemonstration,
  readConfiguration,
  rememberChoice,
} from '../configuration-choice.ts';
import type { Environment } from '../environment.ts';
import { createHttpApplication, listen } from '../http/server.ts';
import { Installation } from '../installation.ts';
import { announceService, withdrawService } from '../running-service.ts';
import { SignIn } from '../sign-in.ts';
import { buildWebApplication, WEB_FOLDER } from '../web-build.ts';

const LOG_FILE = 'metatrail.log';

/** Starts the service and returns when it is ready; it then runs until SIGINT or SIGTERM. */
export async function startService(environment: Environment, variables: Record<string, string>): Promise<void> {
  const { dataFolder } = environment;
  const choice = chooseConfiguration(dataFolder, environment.configurationFile, variables);
  const configuration = readConfiguration(choice, dataFolder);
  const installation = await Installation.open(environment, configuration);
  try {
    await serve(installation, environment, choice);
  } catch (error) {
    // An embedded ClickHouse that is at work must not be left by a process that ends.
    withdrawService(dataFolder);
    await installation.close();
    throw error;
  }
}

async function serve(installation: Installation, environment: Environment, choice: ConfigurationChoice): Promise<void> {
  const { dataFolder } = environment;
  const { configuration } = installation.engine;
  if (isDemonstration(choice)) await prepareDemonstration(dataFolder);
  const logger = openLogger(environment);
  const signIn = new SignIn(installation.log.journal);
  let doing: string | undefined = 'starting';
  const application = createHttpApplication({
    installation,
    signIn,
    logger,
    notReady: () => doing,
    publicLog: environment.publicLog,
    webFolder: WEB_FOLDER,
    proxies: environment.proxies,
    openMetrics: environment.openMetrics,
  });
  const server = await listen(application, environment.host, environment.port);
  const url = urlOf(server, environment);
  rememberChoice(choice, dataFolder);
  announceService(dataFolder, { url, token: signIn.commandLineToken, pid: process.pid });
  const stopping = new AbortController();
  stopOnSignals({ server, installation, dataFolder, logger, stopping });
  installation.log.publication.onFailed((message) => logger.warn(message));
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
  const link = `${url}sign-in?token=${await signIn.createLink()}`;
  doing = undefined;
  logger.info('The service is ready.');
  console.log(
    `\nOpen this address to sign in (it works once, within an hour):\n\n  ${link}\n\nnpx metatrail sign-in prints another. Ctrl+C stops the service.`,
  );
}

function openLogger(environment: Environment): Logger {
  return pino(
    { level: environment.logLevel, base: null },
    destination({ dest: path.join(environment.dataFolder, LOG_FILE), sync: true, mode: 0o600 }),
  );
}

function urlOf(server: Server, environment: Environment): string {
  const { port } = server.address() as AddressInfo;
  const host = environment.host === '0.0.0.0' || environment.host === '::' ? 'localhost' : environment.host;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}/`;
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
  server: Server;
  installation: Installation;
  dataFolder: string;
  logger: Logger;
  stopping: AbortController;
}

function stopOnSignals({ server, installation, dataFolder, logger, stopping }: Stoppable): void {
  const stop = async () => {
    if (stopping.signal.aborted) process.exit(1);
    stopping.abort();
    withdrawService(dataFolder);
    server.close();
    server.closeAllConnections();
    await installation.close();
    const { problem } = installation.log.checkpoints;
    if (problem) logger.warn({ code: problem.code }, `The last events are not signed for yet. ${problem.message}`);
    logger.info('The service has stopped.');
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop());
}
