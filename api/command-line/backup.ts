// `metatrail backup`, `backups` and `restore`.
import path from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import { sizeInCheckpoint, sizeInClickHouse } from '../../ingest/backup/lost.ts';
import { type Manifest, readManifest } from '../../ingest/backup/manifest.ts';
import { restore } from '../../ingest/backup/restore.ts';
import { KEY_FILE } from '../../ingest/checkpoints/checkpoints.ts';
import { formatIso } from '../../ingest/clock.ts';
import { LogError } from '../../ingest/errors.ts';
import { type Environment, logTargetOf } from '../environment.ts';
import { CommandError } from './command-error.ts';
import { maintain } from './maintain.ts';
import { type CommonOptions, common, environmentOf } from './program-parts.ts';

const recordSchema = z.object({
  folder: z.string(),
  madeAt: z.number(),
  size: z.number(),
  root: z.string(),
  delivered: z.number(),
  bytes: z.number(),
  keyElsewhere: z.string().optional(),
});
const listSchema = z.array(recordSchema.extend({ isThere: z.boolean() }));

const megabytes = (bytes: number): string => `${(bytes / 1_000_000).toFixed(1)} MB`;

export function addBackup(program: Command): void {
  common(program.command('backup <folder>').description('back up the data folder, also while the service runs')).action(
    async (folder: string, options: CommonOptions) => {
      const made = await maintain(environmentOf(options), { task: 'back-up', folder: path.resolve(folder) });
      const { folder: place, size, root, bytes, keyElsewhere } = recordSchema.parse(made);
      const keys = `keys of persons${keyElsewhere === undefined ? ', and the one that signs checkpoints' : ''}`;
      console.log(
        `${place}: ${size} events, root ${root}, ${megabytes(bytes)}. It holds ${keys}: keep it as you keep them.`,
      );
      if (keyElsewhere !== undefined)
        console.log(
          `The key that signs checkpoints is not in it, for it is kept in ${keyElsewhere}: keep a copy of that file too, or no restored log can sign.`,
        );
    },
  );
}

export function addBackups(program: Command): void {
  common(program.command('backups').description('list the backups that were made of the data folder'))
    .option('--forget <folder>', 'take one off the list that is gone for good')
    .action(async (options: CommonOptions & { forget?: string }) => {
      const environment = environmentOf(options);
      if (options.forget === undefined) {
        for (const { folder, madeAt, size, bytes, isThere } of listSchema.parse(
          await maintain(environment, { task: 'list-backups' }),
        ))
          console.log(
            `${formatIso(madeAt)} ${folder}: ${size} events, ${megabytes(bytes)}${isThere ? '' : ', not there any more'}`,
          );
        return;
      }
      const folder = path.resolve(options.forget);
      const forgotten = await maintain(environment, { task: 'forget-backup', folder });
      if (forgotten !== true)
        throw new CommandError(`There is no backup ${folder} on the list; metatrail backups shows it.`);
      console.log(`${folder} is off the list.`);
    });
}

export function addRestore(program: Command): void {
  common(program.command('restore <backup>').description('make a data folder of a backup'))
    .option('--checkpoint <file>', 'the newest checkpoint that was given out: what the backup lacks of it is named')
    .action(async (backup: string, options: CommonOptions & { checkpoint?: string }) => {
      const environment = environmentOf(options);
      const place = path.resolve(backup);
      const manifest = readManifest(place);
      const signed = options.checkpoint === undefined ? 0 : await sizeInCheckpoint(options.checkpoint, manifest);
      await restore(place, environment.dataFolder);
      const { log, size, root, madeAt } = manifest;
      console.log(
        `${environment.dataFolder}: the log ${log} as it was at ${formatIso(madeAt)}, ${size} events, root ${root}.`,
      );
      console.log(`Whatever was accepted after that, from event ${size} on, is not in it.`);
      if (signed > size) console.log(`The checkpoint was signed over ${signed} events: ${lost(size, signed)}.`);
      console.log('A checkpoint of more events that was given out will not agree with what is accepted from here on.');
      for (const line of describeKey(environment.dataFolder, manifest)) console.log(line);
      if (manifest.clickhouse.kind === 'server') await compareServer(environment, manifest);
    });
}

const lost = (size: number, known: number): string => `events ${size} to ${known - 1} are lost here`;

/** Where the key that signs checkpoints is, unless it is where the service looks for it. */
function describeKey(dataFolder: string, { checkpointKey, files }: Manifest): string[] {
  const isIn = (name: string) => files.some((file) => file.path === name);
  if (checkpointKey === KEY_FILE || (checkpointKey === undefined && isIn(KEY_FILE))) return [];
  if (checkpointKey !== undefined && isIn(checkpointKey))
    return [
      `The key that signs checkpoints is in ${path.join(dataFolder, checkpointKey)}: name it in METATRAIL_CHECKPOINT_KEY.`,
    ];
  const was = checkpointKey === undefined ? '' : `; it was in ${checkpointKey}`;
  return [
    `The key that signs checkpoints is not in the backup${was}. Put it into ${dataFolder} as ${KEY_FILE}, or name it in METATRAIL_CHECKPOINT_KEY; where it is lost, metatrail rotate-key --lost.`,
  ];
}

/** ClickHouse was a server: does the one that is named now fit? */
async function compareServer(environment: Environment, manifest: Manifest): Promise<void> {
  if (environment.clickHouseUrl === undefined) {
    console.log('ClickHouse was a server: CLICKHOUSE_URL must name it, or one restored from a backup of its own.');
    return;
  }
  const held = await sizeInClickHouse(logTargetOf(environment), manifest).catch((error: unknown) => {
    // The data folder is made, and whole: what a server has cannot change that.
    if (!(error instanceof LogError)) throw error;
    console.log(
      `ClickHouse could not be asked what it holds: ${error.message} Nothing is shipped before it was compared.`,
    );
    return undefined;
  });
  if (held === undefined) return;
  if (held > manifest.size)
    console.log(
      `ClickHouse holds ${held} events: ${lost(manifest.size, held)}, and nothing is shipped until that is settled.`,
    );
  else if (held < manifest.delivered)
    console.log(
      `ClickHouse holds ${held} of the ${manifest.delivered} events that were delivered to it: restore it too.`,
    );
}
