// The command line `metatrail`.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Command } from 'commander';
import { REPORTS } from '../../reports/definitions.ts';
import { VERSION } from '../version.ts';
import { addAlertCommands } from './alerts.ts';
import { addBackup, addBackups, addRestore } from './backup.ts';
import { CommandError } from './command-error.ts';
import { addErasureCommands } from './erase.ts';
import { addExport } from './export.ts';
import { addMcp } from './mcp.ts';
import { addMoveLog } from './move-log.ts';
import {
  type CommonOptions,
  common,
  dataOf,
  environmentOf,
  print,
  reasonOf,
  withBackend,
  withReason,
} from './program-parts.ts';
import { addProofCommands } from './prove.ts';
import { addRecover } from './recover.ts';
import { addReplay } from './replay.ts';
import { addRetentionCommands } from './retention.ts';
import { startService } from './start.ts';
import { addTokenCommands } from './token.ts';
import { addVerifyCommands } from './verify.ts';

export function createProgram(): Command {
  const program = new Command('metatrail')
    .description('An identity synchronisation engine whose every step is evidence.')
    .version(VERSION)
    .showHelpAfterError('(npx metatrail --help lists the commands)');
  addStart(program);
  addRun(program);
  addQuery(program);
  addReport(program);
  addExport(program);
  addReads(program);
  addStatus(program);
  addProofCommands(program);
  addVerifyCommands(program);
  addErasureCommands(program);
  addRetentionCommands(program);
  addMcp(program);
  addSignIn(program);
  addTokenCommands(program);
  addAlertCommands(program);
  addMoveLog(program);
  addRecover(program);
  addReplay(program);
  addBackup(program);
  addBackups(program);
  addRestore(program);
  return program;
}

function addStart(program: Command): void {
  common(
    program.command('start').description('start the service; without a configuration, with the demonstration company'),
  )
    .option('--port <number>', 'the port to listen on (PORT)')
    .option('--set <name=value...>', 'what {name} stands for in the paths of the configuration')
    .action(async (options: CommonOptions & { port?: string; set?: string[] }) => {
      await startService(environmentOf(options), parseVariables(options.set ?? []));
    });
}

function parseVariables(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, name, value] = /^(\w+)=(.+)$/.exec(pair) ?? [];
      if (name === undefined || value === undefined)
        throw new CommandError(`--set ${pair} is not understood; write it as name=value.`);
      return [name, path.resolve(value)];
    }),
  );
}

const RUN = `mutation ($agent: String!, $profile: String!) {
  run(agent: $agent, profile: $profile) {
    id agent profile result startedAt finishedAt
    steps { number kind result message input { name bytes sha256 } balance { read unchanged changed refused gone } counters { stage agent objectType name count } complete }
  }
}`;

function addRun(program: Command): void {
  common(
    program.command('run <agent> <profile>').description('run a run profile of an agent and print its record as JSON'),
  ).action(async (agent: string, profile: string, options: CommonOptions) =>
    withBackend(options, true, async (backend) => {
      const data = dataOf(await backend.ask(RUN, { agent, profile })) as { run: { result: string } | null };
      print(data.run);
      if (!data.run || !['success', 'completed-no-objects'].includes(data.run.result)) process.exitCode = 1;
    }),
  );
}

function addQuery(program: Command): void {
  withReason(
    common(program.command('query <graphql>').description('ask a question in GraphQL and print the answer as JSON')),
  )
    .option('--variables <json>', 'the variables, as JSON', '{}')
    .action(async (query: string, options: CommonOptions & { variables: string; reason?: string }) =>
      withBackend(options, false, async (backend) => {
        const answer = await backend.ask(query, parseVariablesJson(options.variables), reasonOf(options.reason));
        print(answer);
        if (answer.errors) process.exitCode = 1;
      }),
    );
}

function parseVariablesJson(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // Falls through to the one sentence below.
  }
  throw new CommandError(`--variables ${text} is no JSON object; write it as '{"name": "value"}'.`);
}

function addReport(program: Command): void {
  const names = Object.keys(REPORTS).join(', ');
  const command = withReason(
    common(program.command('report <name>').description(`write a report as PDF: ${names}`)),
  ).requiredOption('--out <file>', 'the file to write');
  const parameters = new Map(
    Object.values(REPORTS).flatMap((report) => report.parameters.map((parameter) => [parameter.name, parameter])),
  );
  for (const { name, label, type } of parameters.values()) command.option(`--${name} <${type}>`, label);
  command.action(async (name: string, options: CommonOptions & Record<string, string>) =>
    withBackend(options, false, async (backend) => {
      const given = Object.fromEntries(
        [...parameters.keys()].flatMap((key) => (options[key] === undefined ? [] : [[key, options[key]]])),
      );
      const pdf = await backend.report(name, given, reasonOf(options.reason));
      const file = path.resolve(options.out ?? '');
      try {
        await writeFile(file, pdf);
      } catch (error) {
        throw new CommandError(
          `The file ${file} cannot be written (${error instanceof Error && 'code' in error ? error.code : 'unknown'}); name another one with --out.`,
        );
      }
      console.log(`${file}: ${pdf.length} bytes`);
    }),
  );
}

const READS = `query ($filter: ReadFilter!, $first: Int!) {
  reads(filter: $filter, first: $first) {
    nodes { sequence at viewer address question fields outcome error object { id name type } rows answeredAt reason through parameters { name type value } }
    pageInfo { hasNextPage } watermark
  }
}`;
/** As many as one page of the API has at most. */
const MOST_READS = 1000;

function addReads(program: Command): void {
  withReason(
    common(program.command('reads').description('print who looked at what in this log, newest first, as JSON')),
  )
    .option('--viewer <name>', 'only what this one asked')
    .option('--object <id>', 'only what was asked about this object')
    .option('--question <name>', 'only this question, such as object, changes or report')
    .option('--outcome <name>', 'answered, refused or failed')
    .option('--from <instant>', 'the first instant, such as 2026-01-31T00:00:00Z')
    .option('--to <instant>', 'the last instant, included')
    .option('--first <number>', `how many, at most ${MOST_READS}`, '50')
    .action(
      async ({
        data,
        config,
        reason,
        first = '',
        ...filter
      }: CommonOptions & { reason?: string } & Record<string, string>) => {
        if (!/^\d{1,4}$/.test(first))
          throw new CommandError(`--first ${first} is no number; it is from 1 to ${MOST_READS}.`);
        await withBackend({ ...(data && { data }), ...(config && { config }) }, false, async (backend) =>
          print(dataOf(await backend.ask(READS, { filter, first: Number(first) }, reasonOf(reason)))),
        );
      },
    );
}

const STATUS = `{ log { origin size watermark lag lagSeconds pressure root state problem } agents { name connector runProfiles lastRun { sequence profile result startedAt finishedAt } } }`;

function addStatus(program: Command): void {
  common(
    program.command('status').description('print how far the log is and what the agents did last, as JSON'),
  ).action(async (options: CommonOptions) =>
    withBackend(options, false, async (backend) => {
      const answer = await backend.ask(STATUS, {});
      // With a ClickHouse that is away the runs are not known, but how far the log is.
      if (answer.data) print({ answeredBy: backend.where, ...answer.data });
      dataOf(answer);
    }),
  );
}

function addSignIn(program: Command): void {
  common(program.command('sign-in').description('print a new one-time sign-in link of the running service')).action(
    async (options: CommonOptions) =>
      withBackend(options, false, async (backend) => {
        const link = await backend.createSignInLink();
        if (link === undefined)
          throw new CommandError(
            'No service runs on this data folder; npm start starts one and prints a sign-in link.',
          );
        console.log(link);
      }),
  );
}
