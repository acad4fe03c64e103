// The operations of the pages, gathered for the build: the service is told their texts once, and by the pages only which of them is
// asked, by the SHA-256 of its text.
import { createHash } from 'node:crypto';
import { globSync } from 'node:fs';
import path from 'node:path';
import { nameOperation } from './operation.ts';

export interface GatheredOperation {
  name: string;
  text: string;
  /** SHA-256 of the text in hexadecimal digits. */
  hash: string;
}

/** Those of all files named …-query.ts, without the fragments. Throws where two are called alike. */
export async function gatherOperations(): Promise<GatheredOperation[]> {
  const files = globSync('**/*-query.ts', { cwd: import.meta.dirname, exclude: (name) => name === 'dist' });
  const modules = await Promise.all(files.sort().map((file) => import(path.join(import.meta.dirname, file))));
  const gathered = modules.flatMap((exported: Record<string, unknown>) =>
    Object.values(exported).flatMap(readOperation),
  );
  const names = new Set(gathered.map(({ name }) => name));
  if (names.size !== gathered.length) throw new Error('Two operations of the pages are called alike.');
  return gathered;
}

function readOperation(exported: unknown): GatheredOperation[] {
  if (typeof exported !== 'object' || exported === null || !('text' in exported)) return [];
  const text = String(exported.text);
  const name = nameOperation(text);
  return name === undefined ? [] : [{ name, text, hash: createHash('sha256').update(text).digest('hex') }];
}
