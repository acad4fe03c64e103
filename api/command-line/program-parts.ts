// What the commands share: their options, what they talk to, and how they print an answer.
import { type Command, Option } from 'commander';
import { type Environment, readEnvironment, readVariables } from '../environment.ts';
import { checkReason, LONGEST_REASON } from '../http/reason.ts';
import { type Backend, type GraphQLAnswer, openBackend } from './backend.ts';
import { CommandError } from './command-error.ts';

export interface CommonOptions {
  data?: string;
  config?: string;
}

export function environmentOf(options: CommonOptions & { port?: string }): Environment {
  return readEnvironment({
    ...readVariables(),
    ...(options.data !== undefined && { METATRAIL_DATA: options.data }),
    ...(options.config !== undefined && { METATRAIL_CONFIG: options.config }),
    ...(options.port !== undefined && { PORT: options.port }),
  });
}

export async function withBackend(
  options: CommonOptions,
  create: boolean,
  work: (backend: Backend) => Promise<void>,
): Promise<void> {
  const backend = await openBackend(environmentOf(options), create);
  try {
    await work(backend);
  } finally {
    await backend.close();
  }
}

export function common(command: Command): Command {
  return command
    .addOption(new Option('--data <folder>', 'the data folder (METATRAIL_DATA)'))
    .addOption(new Option('--config <file>', 'the configuration (METATRAIL_CONFIG)'));
}

/** An option of what may tell sensitive values. */
export function withReason(command: Command): Command {
  return command.option(
    '--reason <why>',
    'why sensitive values are wanted, which are told to nobody without; it stands in the log',
  );
}

/** Throws CommandError: what is given is no reason that somebody wrote. */
export function reasonOf(reason: string | undefined): { reason?: string } {
  if (reason === undefined) return {};
  const checked = checkReason(reason);
  if (checked === undefined)
    throw new CommandError(`--reason is empty or has more than ${LONGEST_REASON} characters; say in a sentence why.`);
  return { reason: checked };
}

export function dataOf(answer: GraphQLAnswer): unknown {
  if (answer.errors) throw new CommandError([...new Set(answer.errors.map(({ message }) => message))].join('\n'));
  return answer.data;
}

export function print(value: unknown): void {
  console.log(JSON.stringify(value, null, 2));
}
