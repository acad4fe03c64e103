// The operations of the web application: its pages send the SHA-256 of an operation in the place of its text, and its build wrote the
// texts into a file beside it. Whoever sends a text is answered as well.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { refuse } from './refusal.ts';

const FILE = 'operations.json';
const NOT_FOUND =
  'The service does not know this operation: a newer version of the pages is installed. Reload the page; a program of yours sends the text of its question as `query`.';

const operationsSchema = z.record(z.string(), z.string());
const bodySchema = z.looseObject({
  query: z.null().optional(),
  extensions: z.looseObject({ persistedQuery: z.looseObject({ sha256Hash: z.string() }) }),
});

/** Puts the text in the place of the hash. */
export function findOperation(webFolder: string): RequestHandler {
  let operations = new Map<string, string>();
  return async (request, response, next) => {
    const body = bodySchema.safeParse(request.body).data;
    if (body === undefined) {
      next();
      return;
    }
    const hash = body.extensions.persistedQuery.sha256Hash;
    // The pages may have been built anew since the file was read.
    if (!operations.has(hash)) operations = await readOperations(path.join(webFolder, FILE));
    const query = operations.get(hash);
    if (query === undefined) {
      refuse(response, 404, NOT_FOUND, 'PERSISTED_QUERY_NOT_FOUND');
      return;
    }
    const { extensions: _, ...others } = body;
    request.body = { ...others, query };
    next();
  };
}

/** By their hashes; none while the web application is not built. */
async function readOperations(file: string): Promise<Map<string, string>> {
  try {
    return new Map(Object.entries(operationsSchema.parse(JSON.parse(await readFile(file, 'utf8')))));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return new Map();
    throw error;
  }
}
