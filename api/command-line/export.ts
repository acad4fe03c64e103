// `metatrail export`: a list out of the log as a file, and its manifest beside it. The file has its name only when all of it is there.
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Command, Option } from 'commander';
import { FORMATS, LISTS } from '../exports/lists.ts';
import { CommandError } from './command-error.ts';
import { type CommonOptions, common, withBackend } from './program-parts.ts';

interface ExportOptions extends CommonOptions {
  format: string;
  out: string;
  reason?: string;
}

export function addExport(program: Command): void {
  const lists = [...LISTS.values()].map(({ name, about }) => `${name}: ${about}`).join('; ');
  const command = common(
    program.command('export [list]').description(`write a list to a file, with a manifest beside it. ${lists}`),
  )
    .addOption(new Option('--format <format>', 'how it is written').choices([...FORMATS.keys()]).makeOptionMandatory())
    .requiredOption('--out <file>', 'the file to write; <file>.manifest.json says what it is')
    .option('--reason <why>', 'why you want to see sensitive values, which are withheld without; it stands in the log');
  const parameters = new Map(
    [...LISTS.values()].flatMap((list) => list.parameters.map(({ name, about }) => [name, about] as const)),
  );
  for (const [name, about] of parameters) command.option(`--${inKebab(name)} <${name}>`, about);
  command.action(async (name: string | undefined, options: ExportOptions & Record<string, string | undefined>) => {
    const list = name ?? 'changes';
    if (!LISTS.has(list)) throw new CommandError(`There is no list ${list}; there is ${[...LISTS.keys()].join(', ')}.`);
    const given = Object.fromEntries(
      [...parameters.keys()].flatMap((key) => {
        const text = options[key];
        return text === undefined ? [] : [[key, text]];
      }),
    );
    await writeExport(list, given, options);
  });
}

const inKebab = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

async function writeExport(list: string, given: Record<string, string>, options: ExportOptions): Promise<void> {
  const file = path.resolve(options.out);
  const unfinished = `${file}.incomplete`;
  await withBackend(options, false, async (backend) => {
    const taken = await backend.export({ list, format: options.format, given, reason: options.reason });
    try {
      const sha256 = await writeFrom(taken.bytes, unfinished);
      const manifest = await taken.manifest();
      if (!manifest.complete || manifest.file.sha256 !== sha256)
        throw new CommandError('The export is not whole: what arrived is not what was sent. Ask for it again.');
      await writing(file, async () => {
        await writeFile(`${file}.manifest.json`, `${JSON.stringify(manifest, null, 2)}\n`);
        await rename(unfinished, file);
      });
      console.log(
        `${file}: ${manifest.rows} rows of ${manifest.entries} entries, as of event ${manifest.watermark}, SHA-256 ${sha256}`,
      );
      for (const said of [manifest.gone, manifest.scope]) if (said !== undefined) console.error(said);
      if (manifest.withheld) console.error(`Values marked ${manifest.withheld.join(', ')} are withheld.`);
    } finally {
      await rm(unfinished, { force: true });
    }
  });
}

/** Returns its SHA-256. */
async function writeFrom(bytes: AsyncIterable<Uint8Array>, file: string): Promise<string> {
  const hash = createHash('sha256');
  async function* hashed(): AsyncGenerator<Uint8Array> {
    for await (const chunk of bytes) {
      hash.update(chunk);
      yield chunk;
    }
  }
  await writing(file, () => pipeline(hashed(), createWriteStream(file)));
  return hash.digest('hex');
}

/** A file that cannot be written, as a sentence; everything else as it is. */
async function writing<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error && 'path' in error && 'code' in error)) throw error;
    throw new CommandError(`The file ${file} cannot be written (${error.code}); name another one with --out.`, {
      cause: error,
    });
  }
}
