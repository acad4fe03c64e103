// What a restored log lacks, as far as somebody else knows: a ClickHouse server that was sent more, a checkpoint that was
// given out. Without them nobody can say how much there was.
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { parseCheckpoint } from '../checkpoints/checkpoint.ts';
import { parseNote } from '../checkpoints/note.ts';
import { type ClickHouseTarget, openClickHouse } from '../clickhouse/connect.ts';
import { LogError } from '../errors.ts';
import type { Manifest } from './manifest.ts';

/** The first sequence of the log that the ClickHouse server does not hold. Throws LogError. */
export async function sizeInClickHouse(target: ClickHouseTarget, { log }: Manifest): Promise<number> {
  const clickhouse = openClickHouse(target);
  try {
    const [held] = await clickhouse.select(
      'SELECT count() AS events, max(sequence) AS last FROM events WHERE log = {log:String}',
      { log },
      z.object({ events: z.number(), last: z.number() }),
    );
    return held && held.events > 0 ? held.last + 1 : 0;
  } finally {
    await clickhouse.close();
  }
}

/** The number of events that a checkpoint was signed over; its signature is not checked. Throws LogError restore-refused. */
export async function sizeInCheckpoint(file: string, { log }: Manifest): Promise<number> {
  try {
    const { origin, size } = parseCheckpoint(parseNote(await readFile(file)).text);
    if (origin === log) return size;
  } catch (error) {
    throw new LogError('restore-refused', `${file} cannot be read as a checkpoint.`, { cause: error });
  }
  throw new LogError('restore-refused', `${file} is a checkpoint of another log than ${log}.`);
}
