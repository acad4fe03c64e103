// The thread of the writer: takes messages one at a time, in order.
import { MessagePort, parentPort, workerData } from 'node:worker_threads';
import { z } from 'zod';
import { isLogErrorCode, LogError } from '../errors.ts';
import { asWriteError } from './journal-error.ts';
import type { FromWriter, PreparedBatch, ToWriter, WriterOpened } from './messages.ts';
import { Writer } from './writer.ts';

const port = parentPort;
if (!port) throw new Error('The writer runs only as a worker thread.');

const { folder, preparer } = z.object({ folder: z.string(), preparer: z.instanceof(MessagePort) }).parse(workerData);
/** Why the last batch was refused, if it was; all that were built on top of it are refused for the same reason. */
let refusal: LogError | undefined;
try {
  const writer = new Writer(folder);
  preparer.on('message', (message: ToWriter) => port.postMessage(answer(writer, message)));
  port.postMessage({ opened: true, log: writer.log, size: writer.size } satisfies WriterOpened);
} catch (error) {
  port.postMessage({ opened: false, ...describe(error) } satisfies WriterOpened);
}

function answer(writer: Writer, message: ToWriter): FromWriter {
  const { id } = message;
  try {
    switch (message.kind) {
      case 'accept':
        accept(writer, message);
        return { id, ok: true, size: writer.size };
      case 'refuse':
        if (!refusal || !message.follows)
          refusal = new LogError(isLogErrorCode(message.code) ? message.code : 'journal-failed', message.message);
        throw refusal;
      case 'fact':
        writer.setFact(message.name, message.value);
        return { id, ok: true, size: writer.size };
      case 'trim':
        return { id, ok: true, size: writer.size, first: writer.trim(message.below) };
      case 'erasure':
        writer.workOnErasure(message.work);
        return { id, ok: true, size: writer.size };
      case 'checkpoints':
        writer.changeCheckpoints(message.changes);
        return { id, ok: true, size: writer.size };
      case 'frontier':
        return { id, ok: true, size: writer.size, frontier: writer.frontier };
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

function accept(writer: Writer, batch: PreparedBatch): void {
  if (refusal && batch.follows) throw refusal;
  refusal = undefined;
  try {
    writer.accept(batch);
  } catch (error) {
    refusal = asWriteError(error, folder);
    throw refusal;
  }
}

function describe(error: unknown): { code: string; message: string } {
  const { code, message } = asWriteError(error, folder);
  return { code, message };
}
