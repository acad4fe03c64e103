// Each checkpoint at the end of a file, such as one on a medium that is written once. An empty line ends each note.
import { type FileHandle, open } from 'node:fs/promises';
import { DeliveryError, type Destination, readCode } from './destination.ts';

export function createAppendFile(file: string): Destination {
  const name = `file ${file}`;
  return {
    name,
    takes: 'each',
    leastIntervalMs: 0,
    async send({ note }) {
      try {
        const handle = await open(file, 'a+', 0o644);
        try {
          await append(handle, `${note}\n`);
        } finally {
          await handle.close();
        }
      } catch (error) {
        throw new DeliveryError(`The ${name} cannot be written (${readCode(error)}).`, { cause: error });
      }
    },
  };
}

/** A note that is the last already was written before a crash; one that was cut off then is ended before the next. */
async function append(handle: FileHandle, text: string): Promise<void> {
  const { size } = await handle.stat();
  const wanted = Buffer.from(text);
  const tail = Buffer.alloc(Math.min(size, wanted.length));
  await handle.read(tail, 0, tail.length, size - tail.length);
  if (!tail.equals(wanted)) {
    const cutOff = size > 0 && !tail.subarray(-2).equals(Buffer.from('\n\n'));
    await handle.appendFile(cutOff ? `\n\n${text}` : text);
  }
  await handle.sync();
}
