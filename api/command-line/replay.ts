// `metatrail replay`: the engine's state rebuilt from the log.
import type { Command } from 'commander';
import { z } from 'zod';
import { CommandError } from './command-error.ts';
import { maintain } from './maintain.ts';
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
    .action(async (options: CommonOptions & { compare?: boolean }) => {
      if (!options.compare) throw new CommandError('Say what for: --compare.');
      const found = await maintain(environmentOf(options), { task: 'compare-replay' });
      const { size, compared, differences, more } = comparisonSchema.parse(found);
      for (const { kind, id, field, how } of differences) console.log([kind, id, field, how].filter(Boolean).join(' '));
      if (more) console.log('… and more');
      if (differences.length > 0) process.exitCode = 1;
      else console.log(`${size} events replayed: the state is what they make, in all ${compared} of its values.`);
    });
}
