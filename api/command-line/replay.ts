// `metatrail replay`: the engine's state rebuilt from the log.

import path from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import { rebuildInto } from '../../engine/replay/rebuild.ts';
import { COMMAND_LINE } from '../access/access.ts';
import type { Environment } from '../environment.ts';
import { recordCopy } from '../maintenance.ts';
import { VERSION } from '../version.ts';
import { CommandError } from './command-error.ts';
import { maintain, quietTargetOf, requireDataFolder, withProgress } from './maintain.ts';
import { type CommonOptions, common, environmentOf } from './program-parts.ts';

const comparisonSchema = z.object({
  size: z.number(),
  compared: z.number(),
  differences: z.array(z.object({ kind: z.string(), id: z.string(), field: z.string(), how: z.string() })),
  more: z.boolean(),
});

export function addReplay(program: Command): void {
  common(program.command('replay').description("rebuild the engine's state from the log"))
    .option('--compare', 'say in which fields it differs from the state that the engine keeps')
    .option('--into <folder>', 'make a data folder with this log and the rebuilt state; the service must be stopped')
    .action(async (options: CommonOptions & { compare?: boolean; into?: string }) => {
      if (options.into !== undefined) {
        await rebuild(environmentOf(options), options.into);
        return;
      }
      if (!options.compare) throw new CommandError('Say what for: --compare, or --into FOLDER.');
      const found = await maintain(environmentOf(options), { task: 'compare-replay' });
      const { size, compared, differences, more } = comparisonSchema.parse(found);
      for (const { kind, id, field, how } of differences) console.log([kind, id, field, how].filter(Boolean).join(' '));
      if (more) console.log('… and more');
      if (differences.length > 0) process.exitCode = 1;
      else console.log(`${size} events replayed: the state is what they make, in all ${compared} of its values.`);
    });
}

async function rebuild(environment: Environment, into: string): Promise<void> {
  requireDataFolder(environment.dataFolder);
  const folder = path.resolve(into);
  const size = await withProgress((onProgress) =>
    rebuildInto(quietTargetOf(environment), folder, VERSION, onProgress, (log, events) =>
      recordCopy(log, { viewer: COMMAND_LINE }, { question: 'replay', folder, size: events }),
    ),
  );
  console.log(
    `${folder}: ${size} events, and the state that they make. Nobody is signed in there; of binary and large values only the hash is known until the next imports: run those before anything is exported.`,
  );
}
