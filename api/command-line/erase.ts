// `metatrail erase`: what an erasure would do, doing it, and the certificate.
import path from 'node:path';
import type { Command } from 'commander';
import type { Backend } from './backend.ts';
import { CommandError } from './command-error.ts';
import { type CommonOptions, common, dataOf, print, withBackend } from './program-parts.ts';

const PLAN = 'objects keys { objects entries actors references reads } actors events systems { agent events } remains';
const PREVIEW = `query ($object: ID!, $names: [String!]) { erasurePlan(object: $object, names: $names) { ${PLAN} } }`;
const ERASE = `mutation ($object: ID!, $who: String!, $why: String!, $names: [String!], $now: Boolean) {
  erase(object: $object, who: $who, why: $why, names: $names, now: $now) { event settled plan { ${PLAN} } }
}`;
const CERTIFY = `mutation ($erasure: Sequence!, $who: String!, $folders: [String!], $names: [String!], $backups: [BackupInput!]) {
  certifyErasure(erasure: $erasure, who: $who, folders: $folders, names: $names, backups: $backups) {
    erasure event issuedAt keys values names keysSearched shared short unmarked common folders files bytes notSearched server backups
  }
}`;

interface EraseOptions extends CommonOptions {
  who?: string;
  why?: string;
  dryRun?: boolean;
  now?: boolean;
  name?: string[];
  certificate?: string;
  folder?: string[];
  backup?: string[];
}

export function addErasureCommands(program: Command): void {
  common(
    program
      .command('erase [object]')
      .description('erase a person who exists no more, by the id of their metaverse object, or certify an erasure'),
  )
    .option('--who <who>', 'who asks for it')
    .option('--why <why>', 'why; it stays in the log for good and must hold nothing personal')
    .option('--dry-run', 'only say what would be erased and what would stay')
    .option('--now', 'empty ClickHouse at once, without waiting for other requests')
    .option(
      '--name <name...>',
      'names of theirs that nothing in the log shows to be theirs; with --certificate: what they were called',
    )
    .option('--certificate <event>', 'issue the certificate of this erasure')
    .option('--folder <folder...>', 'with --certificate: folders outside of the data folder to be searched')
    .option('--backup <backup...>', 'with --certificate: backups that still have the person, as "NAME until DATE"')
    .action(async (object: string | undefined, options: EraseOptions) =>
      withBackend(options, false, (backend) =>
        options.certificate === undefined
          ? erase(backend, object, options)
          : certify(backend, options.certificate, options),
      ),
    );
}

async function erase(backend: Backend, object: string | undefined, options: EraseOptions): Promise<void> {
  if (object === undefined)
    throw new CommandError(
      'Say who is erased, by the id of their metaverse object: metatrail query \'{ objects(search: "…") { id } }\' finds it.',
    );
  const names = options.name ?? [];
  if (options.dryRun) {
    const { erasurePlan } = dataOf(await backend.ask(PREVIEW, { object, names })) as { erasurePlan: unknown };
    print(erasurePlan);
    return;
  }
  const { who, why, now = false } = options;
  if (who === undefined || why === undefined)
    throw new CommandError(
      'Say with --who who asks for it and with --why the reason, which must hold nothing personal; --dry-run only looks.',
    );
  const { erase: erased } = dataOf(await backend.ask(ERASE, { object, who, why, names, now })) as { erase: unknown };
  print(erased);
}

async function certify(backend: Backend, certificate: string, options: EraseOptions): Promise<void> {
  if (!/^\d{1,15}$/.test(certificate))
    throw new CommandError(`--certificate ${certificate} is no event; give the number that the erasure printed.`);
  if (options.who === undefined) throw new CommandError('Say with --who who asks for the certificate.');
  const variables = {
    erasure: Number(certificate),
    who: options.who,
    folders: (options.folder ?? []).map((folder) => path.resolve(folder)),
    names: options.name ?? [],
    backups: (options.backup ?? []).map(readBackup),
  };
  const { certifyErasure } = dataOf(await backend.ask(CERTIFY, variables)) as { certifyErasure: unknown };
  print(certifyErasure);
}

function readBackup(text: string): { name: string; until?: string } {
  const [, name = text, until] = /^(.+?) until (.+)$/.exec(text) ?? [];
  return { name, ...(until !== undefined && { until }) };
}
