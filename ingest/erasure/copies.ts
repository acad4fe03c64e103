// Copies of the log among the files that are looked through: backups, which are named; bundles, which are known to have a
// person by the number of their key; and parts of ClickHouse, which nothing but ClickHouse can read.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { MANIFEST_FILE, readManifest } from '../backup/manifest.ts';
import type { ErasedKeys } from './table-search.ts';

const BUNDLE_FILE = 'bundle.json';
const BUNDLE_KEYS = 'keys.jsonl';
const bundleSchema = z.object({ format: z.string().startsWith('metatrail-bundle/'), log: z.string() });
const keySchema = z.object({ number: z.number() });

export interface FoundBackup {
  folder: string;
  /** Microseconds, UTC. */
  madeAt: number;
  /** Its files: what else is in its folder is none of it. */
  files: ReadonlySet<string>;
}

/** Undefined: the folder holds no whole backup. */
export function readBackup(folder: string): FoundBackup | undefined {
  try {
    const { madeAt, files } = readManifest(folder);
    const names = [MANIFEST_FILE, ...files.map(({ path: name }) => name)];
    return { folder, madeAt, files: new Set(names.map((name) => path.join(folder, name))) };
  } catch {
    return undefined;
  }
}

/** Whether the folder is a bundle of the same log that has one of the keys. */
export function isBundleWithKeys(folder: string, { log, numbers }: ErasedKeys): boolean {
  try {
    const bundle = bundleSchema.safeParse(JSON.parse(readFileSync(path.join(folder, BUNDLE_FILE), 'utf8')));
    if (!bundle.success || bundle.data.log !== log) return false;
    const keys = readFileSync(path.join(folder, BUNDLE_KEYS), 'utf8');
    const erased = new Set(numbers);
    return keys
      .split('\n')
      .filter((line) => line !== '')
      .some((line) => erased.has(keySchema.parse(JSON.parse(line)).number));
  } catch {
    // What it has is looked through as that of any other file.
    return false;
  }
}

/** A folder of a bundle whose files hold numbers and hashes, which may look like somebody's number. */
export function isOfBundleProof(file: string): boolean {
  const folder = path.dirname(file);
  if (path.basename(file) === 'checkpoint') return existsSync(path.join(folder, BUNDLE_FILE));
  return path.basename(folder) === 'checkpoints' && existsSync(path.join(path.dirname(folder), BUNDLE_FILE));
}

/** Whether ClickHouse keeps a part of a table in this folder. */
export function isPart(folder: string): boolean {
  return existsSync(path.join(folder, 'columns.txt')) && existsSync(path.join(folder, 'checksums.txt'));
}
