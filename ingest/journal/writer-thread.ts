// The thread of the writer: takes messages one at a time, in order.
import { parentPort, workerData } from 'node:worker_threads';
import { z } from 'zod';
import { LogError } from '../errors.ts';
import type { FromWriter, ToWriter, WriterOpened } from './messages.ts';
import { Writer } from './writer.ts';

const port = parentPort;
if (!port) throw new Error('The writer runs only as a worker thread.');

const { folder } = z.object({ folder: z.string() }).parse(workerData);
try {
  const writer = new Writer(folder);
  port.on('message', (message: ToWriter) => port.postMessage(answer(writer, message)));
  port.postMessage({ opened: true, log: writer.log, size: writer.size } satisfies WriterOpened);
} catch (error) {
  port.postMessage({ opened: false, ...describe(error) } satisfies WriterOpened);
}

function answer(writer: Writer, message: ToWriter): FromWriter {
  const { id } = message;
  try {
    switch (message.kind) {
      case 'accept': {
        const { recordedAt } = writer.accept(message.base, message.batch);
        return { id, ok: true, size: writer.size, recordedAt };
      }
      case 'fact':
        writer.setFact(message.name, message.value);
        return { id, ok: true, size: writer.size };
      case 'head':
        return { id, ok: true, size: writer.size, root: writer.head.root };
      case 'close':
        writer.close();
        return { id, ok: true, size: writer.size };
    }
  } catch (error) {
    return { id, ok: false, size: writer.size, ...describe(error) };
  }
}

function describe(error: unknown): { code: string; message: string } {
  if (error instanceof LogError) return { code: error.code, message: error.message };
  return { code: 'journal-failed', message: error instanceof Error ? error.message : String(error) };
}
