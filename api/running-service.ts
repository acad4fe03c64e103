// How the command line finds the service of a data folder: a file with its address and a token, for its own user only.
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';

const SERVICE_FILE = 'service.json';

const serviceSchema = z.object({ url: z.string(), token: z.string(), pid: z.number() });
export type RunningService = z.infer<typeof serviceSchema>;

export function announceService(dataFolder: string, service: RunningService): void {
  const file = path.join(dataFolder, SERVICE_FILE);
  const made = `${file}.new`;
  rmSync(made, { force: true });
  writeFileSync(made, JSON.stringify(service), { mode: 0o600 });
  // Whoever reads it meets the whole file or none.
  renameSync(made, file);
}

export function withdrawService(dataFolder: string): void {
  rmSync(path.join(dataFolder, SERVICE_FILE), { force: true });
}

/** What a service that knows the token answers. */
const aliveSchema = z.object({ data: z.object({ __typename: z.literal('Query') }) });

const ANSWER_TIMEOUT_MS = 3000;

/**
 * The service that answers for a data folder; undefined when none does. A file left by one that was killed counts for
 * nothing, also when another service has its port by now: it does not know the token.
 */
export async function findService(dataFolder: string): Promise<RunningService | undefined> {
  let service: RunningService;
  try {
    service = serviceSchema.parse(JSON.parse(readFileSync(path.join(dataFolder, SERVICE_FILE), 'utf8')));
  } catch {
    return undefined;
  }
  try {
    const response = await fetch(new URL('graphql', service.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${service.token}` },
      body: '{"query":"{ __typename }"}',
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
    return aliveSchema.safeParse(await response.json()).success ? service : undefined;
  } catch {
    return undefined;
  }
}
