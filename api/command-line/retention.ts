// `metatrail hold` and `metatrail retention`: legal holds, and what has expired.
import type { Command } from 'commander';
import { CommandError } from './command-error.ts';
import { type CommonOptions, common, dataOf, print, withBackend } from './program-parts.ts';

const FIELDS = 'id object who why since';
const LIST = `{ holds { ${FIELDS} } }`;
const ADD = `mutation ($object: ID, $who: String!, $why: String!) { addHold(object: $object, who: $who, why: $why) { ${FIELDS} } }`;
const REMOVE = `mutation ($id: Sequence!, $who: String!, $why: String!) { removeHold(id: $id, who: $who, why: $why) { ${FIELDS} } }`;

const PLAN = 'partitions { first size until } baselines reads remains';
const PREVIEW = `{ retentionPlan { ${PLAN} } }`;
const APPLY = `mutation ($who: String!) { applyRetention(who: $who) { ${PLAN} } }`;

interface ReasonOptions extends CommonOptions {
  who: string;
  why: string;
}

const withReason = (command: Command): Command =>
  common(command)
    .requiredOption('--who <who>', 'who asks for it')
    .requiredOption('--why <why>', 'why; it stays in the log for good and must hold nothing personal');

export function addRetentionCommands(program: Command): void {
  addHoldCommands(program);
  common(program.command('retention').description('what has expired by the configuration: look, or let it go'))
    .option('--dry-run', 'only say what would go')
    .option('--apply', 'let it go')
    .option('--who <who>', 'with --apply: who asks for it')
    .action((options: CommonOptions & { dryRun?: boolean; apply?: boolean; who?: string }) =>
      withBackend(options, false, async (backend) => {
        if (options.dryRun === options.apply) throw new CommandError('Say either --dry-run or --apply.');
        if (options.dryRun) {
          print((dataOf(await backend.ask(PREVIEW, {})) as { retentionPlan: unknown }).retentionPlan);
          return;
        }
        if (options.who === undefined) throw new CommandError('Say with --who who asks for it.');
        const { applyRetention } = dataOf(await backend.ask(APPLY, { who: options.who })) as {
          applyRetention: unknown;
        };
        print(applyRetention);
      }),
    );
}

function addHoldCommands(program: Command): void {
  const hold = program.command('hold').description('legal holds: what they cover is neither erased nor expires');
  common(hold.command('list').description('print the holds in force')).action((options: CommonOptions) =>
    withBackend(options, false, async (backend) => {
      const { holds } = dataOf(await backend.ask(LIST, {})) as { holds: unknown };
      print(holds);
    }),
  );
  withReason(hold.command('add [object]').description('hold a person, or everything')).action(
    (object: string | undefined, options: ReasonOptions) =>
      withBackend(options, false, async (backend) => {
        const { addHold } = dataOf(await backend.ask(ADD, { object, who: options.who, why: options.why })) as {
          addHold: unknown;
        };
        print(addHold);
      }),
  );
  withReason(hold.command('remove <hold>').description('end a hold, by its number')).action(
    (id: string, options: ReasonOptions) => {
      if (!/^\d{1,15}$/.test(id)) throw new CommandError(`${id} is no hold; metatrail hold list prints their numbers.`);
      return withBackend(options, false, async (backend) => {
        const { removeHold } = dataOf(
          await backend.ask(REMOVE, { id: Number(id), who: options.who, why: options.why }),
        ) as { removeHold: unknown };
        print(removeHold);
      });
    },
  );
}
