// Copies the files of a backup on a thread of its own: the thread of the service is the engine's, and between two of its
// batches there is time for one step of one file.
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { z } from 'zod';
import { type Copied, copyFile, hashFile, syncTree } from './copy.ts';

const FILES_AT_ONCE = 16;

const workSchema = z.object({
  copies: z.array(z.object({ from: z.string(), to: z.string() })),
  hash: z.string(),
  sync: z.string(),
});
type Work = z.infer<typeof workSchema>;

interface Done {
  /** Of each copy, in their order. */
  copied: Copied[];
  hashed: Copied;
}

if (!isMainThread && workSchema.safeParse(workerData).success)
  parentPort?.postMessage(await carryOut(workSchema.parse(workerData)));

/** Copies files, hashes the file `hash`, and sees to it that everything in the folder `sync` is on the disk. */
export async function copyOnThread(work: Work): Promise<Done> {
  const worker = new Worker(new URL(import.meta.url), { workerData: work });
  try {
    return await new Promise<Done>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.once('exit', () => reject(new Error('the thread that copies ended')));
    });
  } finally {
    await worker.terminate();
  }
}

async function carryOut({ copies, hash, sync }: Work): Promise<Done> {
  const copied: Copied[] = [];
  for (let from = 0; from < copies.length; from += FILES_AT_ONCE)
    copied.push(
      ...(await Promise.all(copies.slice(from, from + FILES_AT_ONCE).map((copy) => copyFile(copy.from, copy.to)))),
    );
  const hashed = await hashFile(hash);
  await syncTree(sync);
  return { copied, hashed };
}
