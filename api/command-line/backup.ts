// `metatrail backup`, `backups` and `restore`.
import path from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import { restore } from '../../ingest/backup/restore.ts';
import { formatIso } from '../../ingest/clock.ts';
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
});
const listSchema = z.array(recordSchema.extend({ isThere: z.boolean() }));

const megabytes = (bytes: number): string => `${(bytes / 1_000_000).toFixed(1)} MB`;

export function addBackup(program: Command): void {
  common(program.command('backup <folder>').description('back up the data folder, also while the service runs')).action(
    async (folder: string, options: CommonOptions) => {
      const made = await maintain(environmentOf(options), { task: 'back-up', folder: path.resolve(folder) });
      const { folder: place, size, root, bytes } = recordSchema.parse(made);
      console.log(
        `${place}: ${size} events, root ${root}, ${megabytes(bytes)}. It holds keys: keep it as you keep them.`,
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
  common(program.command('restore <backup>').description('make a data folder of a backup')).action(
    async (backup: string, options: CommonOptions) => {
      const { dataFolder } = environmentOf(options);
      const { log, size, root, madeAt, clickhouse } = await restore(path.resolve(backup), dataFolder);
      console.log(
        `${dataFolder}: the log ${log} as it was at ${formatIso(madeAt)}, ${size} events, root ${root}. Whatever was accepted after that, from event ${size} on, is not in it.`,
      );
      console.log('A checkpoint of more events that was given out will not agree with what is accepted from here on.');
      if (clickhouse.kind === 'server')
        console.log('ClickHouse was a server: CLICKHOUSE_URL must name it, or one restored from a backup of its own.');
    },
  );
}
