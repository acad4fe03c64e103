// `metatrail move-log --from BUNDLE`: a log made again from a bundle. The bundle is checked whole by the verifier, which trusts
// nobody; rows and journal are made of it and compared; what was made is checked whole as well, and then the engine's state is
// rebuilt from the log. It says what a bundle lacks.
import { rebuildState } from '../../engine/replay/rebuild.ts';
import { ReplayError } from '../../engine/replay/replay.ts';
import { type MovedBundle, moveBundle, unfinishedMove } from '../../ingest/bundle/move-bundle.ts';
import { LogError } from '../../ingest/errors.ts';
import { openStateOf } from '../../ingest/journal/state-store.ts';
import { Bundle } from '../../ingest/verify/bundle.ts';
import { CannotCheckError } from '../../ingest/verify/cannot-check.ts';
import { LiveLog } from '../../ingest/verify/live-log.ts';
import { describeReport, type Report } from '../../ingest/verify/report.ts';
import { type Options, verifyLog } from '../../ingest/verify/verify-log.ts';
import { type Environment, logTargetOf } from '../environment.ts';
import { CommandError } from './command-error.ts';
import { MoveBar } from './move-bar.ts';
import { readOrder } from './verify.ts';

interface Trust {
  checkpoint?: string[];
  publicKeys?: string;
}

/** Throws CommandError, and LogError where the bundle, the folder or ClickHouse stand in the way. */
export async function moveFromBundle(environment: Environment, bundle: string, trust: Trust): Promise<void> {
  const bar = new MoveBar();
  const target = logTargetOf(environment);
  let rebuilt: string | undefined;
  let isBegun = false;
  try {
    const checked = await checkBundle(bundle, trust, bar);
    isBegun = true;
    const moved = await moveBundle({
      bundle,
      target,
      onProgress: (progress) => bar.show(progress),
      async finish(made) {
        await checkMade({ ...target, ...made }, checked, bar);
        rebuilt = await rebuild({ ...target, ...made }, bar);
      },
    });
    bar.stop();
    console.log(describeMoved(environment, moved, checked, trust).join('\n'));
    console.log(rebuilt ?? STATE);
  } catch (error) {
    bar.stop();
    const unfinished = unfinishedMove(environment.dataFolder);
    const isRefused = error instanceof LogError && error.code === 'move-refused';
    if (unfinished !== undefined && isBegun && !isRefused)
      console.error(`What was made so far is in ${unfinished}; the same command goes on from there.`);
    throw error;
  }
}

/** Throws CommandError with the verifier's report unless the bundle is a whole and unaltered log. */
async function checkBundle(bundle: string, trust: Trust, bar: MoveBar): Promise<Report> {
  const report = await orCommandError(async () =>
    verifyLog(new Bundle(bundle), { ...readOrder(trust), onProgress: progressOf('checking', bar) }),
  );
  if (report.result === 'verified') return report;
  bar.stop();
  throw new CommandError(`${describeReport(report)}\nNothing was made of this bundle.`);
}

/** The log that was made must be the one that was in the bundle: its folder and ClickHouse are checked as any. */
async function checkMade(target: ReturnType<typeof logTargetOf>, bundled: Report, bar: MoveBar): Promise<void> {
  const { folder, url, database } = target;
  const report = await orCommandError(async () => {
    const source = await LiveLog.open({ folder, url, database });
    return verifyLog(source, { onProgress: progressOf('checking again', bar) }).finally(() => source.close());
  });
  const { log, size, root } = bundled;
  if (report.result === 'verified' && report.log === log && report.size === size && report.root === root) return;
  bar.stop();
  throw new CommandError(`${describeReport(report)}\nThe log that was made of the bundle is not the one in it.`);
}

function progressOf(what: string, bar: MoveBar): NonNullable<Options['onProgress']> {
  return (done, total) => bar.show({ what, done, total });
}

async function orCommandError<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CannotCheckError) throw new CommandError(error.message, { cause: error });
    throw error;
  }
}

/** No state of the engine. */
const KEPT = ['hold', 'tombstone'];
const STATE =
  "The engine's state was rebuilt from the log. Nobody is signed in there; of binary and large values only the hash is known until the next imports: run those before anything is exported.";

/** Returns why the state could not be rebuilt, if so. */
async function rebuild(target: ReturnType<typeof logTargetOf>, bar: MoveBar): Promise<string | undefined> {
  try {
    await rebuildState(target, (done, total) => bar.show({ what: 'rebuilding the state from', done, total }));
    return undefined;
  } catch (error) {
    if (!(error instanceof ReplayError)) throw error;
    // Half a state is worse than none.
    openStateOf(target.folder, KEPT).close();
    return `The engine's state could not be rebuilt: ${error.message} The log can be asked and verified; let no engine run on it.`;
  }
}

function describeMoved(
  { dataFolder, clickHouseUrl }: Environment,
  { log, events, expired, found, keys, erased, holds }: MovedBundle,
  { root }: Report,
  { publicKeys }: Trust,
): string[] {
  const place = clickHouseUrl === undefined ? dataFolder : `${dataFolder} and the ClickHouse of CLICKHOUSE_URL`;
  return [
    `${place}: the log ${log}, ${events} events${found > 0 ? `, ${found} of them from a move that was cut off` : ''}${expired > 0 ? `, the first ${expired} expired` : ''}, root ${root ?? ''}. Each is as in the bundle, and the whole was verified again.`,
    ...(expired > 0
      ? [
          `Of the events before ${expired} there are the tombstones and the leaves, by which all that is later is proved.`,
        ]
      : []),
    `${keys} keys were in the bundle; what was erased in ${erased} events stays erased, and ${holds} legal holds are in force.`,
    ...(publicKeys === undefined
      ? ['The public keys were those that the bundle names itself; --public-keys holds it against others.']
      : []),
    'What a bundle lacks:',
    `- whatever was accepted from event ${events} on, and with it every erasure since: persons erased after that are in this log again. A checkpoint of more events that was given out will not agree with what is accepted here.`,
    `- the private key that signs checkpoints: put the file checkpoint-key into ${dataFolder}, or name it in METATRAIL_CHECKPOINT_KEY, before the service is started; where it is lost, metatrail rotate-key --lost.`,
    '- rows that a recovery set aside, sign-ins, the list of backups, the record of where checkpoints were sent, and the configuration file (its text is in the log).',
  ];
}
