// `metatrail checkpoint`, `metatrail prove` and `metatrail rotate-key`. What another program reads goes to stdout, what a person
// reads beside it to stderr. A proof is checked here before it is shown.
import path from 'node:path';
import { type Command, Option } from 'commander';
import { z } from 'zod';
import { KEY_FILE } from '../../ingest/checkpoints/checkpoints.ts';
import { replaceLostKey } from '../../ingest/checkpoints/rotation.ts';
import { Journal } from '../../ingest/journal/journal.ts';
import { verifyConsistency, verifyInclusion } from '../../ingest/merkle/proof.ts';
import type { Environment } from '../environment.ts';
import { type Backend, checkDataFolder } from './backend.ts';
import { CommandError } from './command-error.ts';
import { type CommonOptions, common, dataOf, environmentOf, print, withBackend } from './program-parts.ts';

const hash = z.string().transform((text) => Buffer.from(text, 'hex'));
const inclusionSchema = z.object({
  inclusionProof: z.object({
    sequence: z.number(),
    size: z.number(),
    leaf: hash,
    path: z.array(hash),
    root: hash,
    text: z.string().nullable(),
  }),
});
const consistencySchema = z.object({
  consistencyProof: z.object({
    from: z.number(),
    fromRoot: hash,
    to: z.number(),
    toRoot: hash,
    path: z.array(hash),
    text: z.string().nullable(),
  }),
});
const checkpointSchema = z.object({ checkpoint: z.object({ note: z.string() }) });
const rotationSchema = z.object({
  rotateCheckpointKey: z.object({ new: z.string(), sequence: z.number(), checkpoint: z.object({ note: z.string() }) }),
});

const INCLUSION =
  'query ($sequence: Sequence!, $size: Sequence) { inclusionProof(sequence: $sequence, size: $size) { sequence size leaf path root text checkpoint { note } } }';
const CONSISTENCY =
  'query ($from: Sequence!, $to: Sequence!) { consistencyProof(from: $from, to: $to) { from fromRoot to toRoot path text fromCheckpoint { note } toCheckpoint { note } } }';

export function addProofCommands(program: Command): void {
  common(
    program
      .command('checkpoint')
      .description('print the newest checkpoint, signed; one is made when the log has grown'),
  ).action(async (options: CommonOptions) =>
    withBackend(options, false, async (backend) => {
      const { checkpoint } = checkpointSchema.parse(dataOf(await backend.ask('{ checkpoint { note } }', {})));
      process.stdout.write(checkpoint.note);
    }),
  );
  addProve(program);
  addRotateKey(program);
}

interface ProveOptions extends CommonOptions {
  size?: string;
  consistency?: boolean;
  json?: boolean;
}

function addProve(program: Command): void {
  common(
    program
      .command('prove <numbers...>')
      .usage('[options] <sequence>  |  prove --consistency <from> <to>')
      .description('prove that an event is in the log, or that a larger log begins with a smaller one'),
  )
    .addOption(new Option('--size <number>', 'prove it in the log of this size instead of a checkpoint'))
    .addOption(new Option('--consistency', 'two sizes of the log are given'))
    .addOption(new Option('--json', 'print the hashes as JSON'))
    .action(async (numbers: string[], options: ProveOptions) => {
      const count = options.consistency ? 2 : 1;
      if (numbers.length !== count || (options.consistency && options.size !== undefined))
        throw new CommandError(
          'Write metatrail prove <sequence> [--size <number>], or metatrail prove --consistency <from> <to>.',
        );
      await withBackend(options, false, (backend) =>
        options.consistency ? proveConsistency(backend, numbers, options) : proveInclusion(backend, numbers, options),
      );
    });
}

async function proveInclusion(backend: Backend, [sequence]: string[], options: ProveOptions): Promise<void> {
  const data = dataOf(await backend.ask(INCLUSION, { sequence, size: options.size }));
  const { inclusionProof: proof } = inclusionSchema.parse(data);
  const { leaf, root, size } = proof;
  if (!verifyInclusion({ leaf, index: proof.sequence, size, root, proof: proof.path })) throw wrongProof(backend);
  console.error(
    `Event ${proof.sequence} is in the log, at its place among ${size} events.\nleaf ${leaf.toString('hex')}\nroot ${root.toString('hex')}`,
  );
  show(data, proof.text, options, `There is no checkpoint of ${size} events`);
}

async function proveConsistency(backend: Backend, [from, to]: string[], options: ProveOptions): Promise<void> {
  const data = dataOf(await backend.ask(CONSISTENCY, { from, to }));
  const { consistencyProof: proof } = consistencySchema.parse(data);
  if (!verifyConsistency({ ...proof, proof: proof.path })) throw wrongProof(backend);
  console.error(
    `The log of ${proof.to} events begins with the log of ${proof.from} events.\nroot of ${proof.from}: ${proof.fromRoot.toString('hex')}\nroot of ${proof.to}: ${proof.toRoot.toString('hex')}`,
  );
  show(data, proof.text, options, `There is no checkpoint of ${proof.to} events`);
}

function show(data: unknown, text: string | null, options: ProveOptions, without: string): void {
  if (options.json) print(data);
  else if (text === null) console.error(`${without}; --json prints the hashes of the proof.`);
  else process.stdout.write(text);
}

function wrongProof(backend: Backend): CommandError {
  return new CommandError(
    `The proof that ${backend.where} gave does not hold: the log was altered, or this is an error of the program. Keep the data folder as it is.`,
  );
}

function addRotateKey(program: Command): void {
  common(
    program
      .command('rotate-key')
      .description('take a new key for signing checkpoints; the old one signs over to it, and is deleted'),
  )
    .addOption(new Option('--lost', 'the old key is lost: it cannot sign over to the new one'))
    .action(async (options: CommonOptions & { lost?: boolean }) => {
      if (options.lost) {
        const { new: vkey } = await replaceLost(environmentOf(options));
        console.log(vkey);
        console.error(
          'The old key did not sign for this one; tell whoever verifies the log, in a way that they trust.',
        );
        return;
      }
      await withBackend(options, false, async (backend) => {
        const data = dataOf(
          await backend.ask('mutation { rotateCheckpointKey { new sequence checkpoint { note } } }', {}),
        );
        const { rotateCheckpointKey: rotation } = rotationSchema.parse(data);
        console.log(rotation.new);
        console.error(`The event ${rotation.sequence} says so; this checkpoint is signed with both keys:\n`);
        console.error(rotation.checkpoint.note);
      });
    });
}

/** The log itself does not open without its key, so only the journal is. */
async function replaceLost({ dataFolder, checkpointKeyFile }: Environment): Promise<{ new: string }> {
  checkDataFolder(dataFolder);
  const keyFile = checkpointKeyFile ?? path.join(dataFolder, KEY_FILE);
  const journal = await Journal.open(dataFolder);
  try {
    const replaced = await replaceLostKey(journal, keyFile, 'command line');
    if (!replaced)
      throw new CommandError(`The checkpoint key ${keyFile} is not lost; metatrail rotate-key takes a new one.`);
    return replaced;
  } finally {
    await journal.close();
  }
}
