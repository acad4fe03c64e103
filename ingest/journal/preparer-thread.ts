// The thread of the preparer: takes messages in order and passes them on to the writer.
import { MessagePort, parentPort, workerData } from 'node:worker_threads';
import { z } from 'zod';
import { asWriteError } from './journal-error.ts';
import type { ToPreparer, ToWriter } from './messages.ts';
import { Preparer } from './preparer.ts';

const owner = parentPort;
if (!owner) throw new Error('The preparer runs only as a worker thread.');

const { folder, log, writer } = z
  .object({ folder: z.string(), log: z.string(), writer: z.instanceof(MessagePort) })
  .parse(workerData);
const preparer = new Preparer(folder, log);
owner.on('message', (message: ToPreparer) => {
  const passedOn = prepare(message);
  writer.postMessage(passedOn, passedOn.kind === 'accept' ? [passedOn.leaves.buffer as ArrayBuffer] : []);
});

function prepare(message: ToPreparer): ToWriter {
  if (message.kind === 'close') preparer.close();
  if (message.kind !== 'accept') return message;
  const { id, follows } = message;
  try {
    return { id, ...preparer.prepare(message) };
  } catch (error) {
    const { code, message: said } = asWriteError(error, folder);
    return { id, kind: 'refuse', follows, code, message: said };
  }
}
