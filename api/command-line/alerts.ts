// `metatrail alerts` and `metatrail acknowledge`: what alerts found, and that somebody has seen it.
import type { Command } from 'commander';
import { CommandError } from './command-error.ts';
import { type CommonOptions, common, dataOf, print, withBackend } from './program-parts.ts';

const OCCURRENCE = `id alert severity cause first last count since raisedAt endedAt
  told { destination kind host told at failure problem } acknowledged { at by why }`;
const LIST = `query ($first: Int!) {
  alerts { name kind severity watched tell open unacknowledged occurrences(first: $first) { nodes { ${OCCURRENCE} } } }
}`;
const ACKNOWLEDGE = `mutation ($id: Sequence!, $why: String!) { acknowledgeAlert(occurrence: $id, why: $why) { ${OCCURRENCE} } }`;

export function addAlertCommands(program: Command): void {
  common(program.command('alerts').description('print the alerts and what they found, the newest first, as JSON'))
    .option('--first <number>', 'how many occurrences of each', '20')
    .action((options: CommonOptions & { first: string }) => {
      if (!/^[1-9]\d{0,3}$/.test(options.first))
        throw new CommandError(`--first ${options.first} is not understood; give a number from 1 to 1000.`);
      return withBackend(options, false, async (backend) => {
        const data = dataOf(await backend.ask(LIST, { first: Number(options.first) }));
        print((data as { alerts: unknown }).alerts);
      });
    });
  common(program.command('acknowledge <occurrence>').description('say that you have seen an occurrence of an alert'))
    .requiredOption('--why <why>', 'what you found or did; it stays in the log for good and must hold nothing personal')
    .action((occurrence: string, options: CommonOptions & { why: string }) => {
      if (!/^\d{1,15}$/.test(occurrence))
        throw new CommandError(`${occurrence} is no occurrence; give the id that metatrail alerts prints.`);
      return withBackend(options, false, async (backend) => {
        const data = dataOf(await backend.ask(ACKNOWLEDGE, { id: occurrence, why: options.why }));
        print((data as { acknowledgeAlert: unknown }).acknowledgeAlert);
      });
    });
}
