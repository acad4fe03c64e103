// What a backup is: a folder with a manifest that was written last. README.md of ingest/ says what is in it.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { LogError } from '../errors.ts';

export const MANIFEST_FILE = 'backup.json';
const FORMAT = 1;

/** A file below the backup: no way up, and not absolute. */
const relativePath = z
  .string()
  .min(1)
  .max(1000)
  .refine(
    (file) => !file.startsWith('/') && file.split('/').every((part) => part !== '' && part !== '.' && part !== '..'),
  );
const name = z.string().regex(/^[\w-]+$/);

const manifestSchema = z.object({
  format: z.literal(FORMAT),
  /** Microseconds, UTC. */
  madeAt: z.number(),
  program: z.string(),
  dataVersion: z.number(),
  /** The origin of the log. */
  log: z.string(),
  /** The number of accepted events, and the Merkle root over them (hex). */
  size: z.number(),
  root: z.string(),
  /** All events below this sequence are in the backup's ClickHouse; of a server, were delivered to it. */
  delivered: z.number(),
  clickhouse: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('embedded'),
      /** Those that have parts. How they are made this program knows: a backup's word is not taken for it. */
      tables: z.array(z.object({ name, parts: z.array(name) })),
    }),
    z.object({ kind: z.literal('server') }),
  ]),
  /** The file of the key that signs checkpoints: a name in the backup, or where it was when it is not in it; it was not told before. */
  checkpointKey: z
    .string()
    .regex(/^[^\p{Cc}]{1,4096}$/u)
    .optional(),
  files: z.array(z.object({ path: relativePath, bytes: z.number(), sha256: z.string() })),
});
export type Manifest = z.infer<typeof manifestSchema>;
export type BackupFile = Manifest['files'][number];

/** The text of a manifest; its last line is the SHA-256 of the rest. */
export function writeManifest(manifest: Omit<Manifest, 'format'>): string {
  const text = `${JSON.stringify({ format: FORMAT, ...manifest })}\n`;
  return `${text}${hashOf(text)}\n`;
}

/** Throws LogError backup-damaged: there is no manifest, or it is not as it was written. */
export function readManifest(folder: string): Manifest {
  const file = path.join(folder, MANIFEST_FILE);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const said = `${folder} holds no whole backup: ${MANIFEST_FILE}, which is written last, is not there.`;
    throw new LogError('backup-damaged', said, { cause: error });
  }
  const [line = '', hash] = text.split('\n');
  const parsed = hash === hashOf(`${line}\n`) ? manifestSchema.safeParse(parseJson(line)) : undefined;
  if (!parsed?.success) throw new LogError('backup-damaged', `${file} is not as a backup of this version writes it.`);
  return parsed.data;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
