// A process of its own for the tests of erasure: it erases whom it is told to, settles that, and dies by SIGKILL at the
// step that it is told, as a service may.
import { z } from 'zod';
import { erasePerson } from '../api/erasing.ts';
import type { SettleStep } from '../ingest/erasure/settle.ts';
import { ErasureWorld, REASON } from './erasure-world.ts';

const { folder, object, step } = z
  .object({ folder: z.string(), object: z.string().optional(), step: z.string() })
  .parse(JSON.parse(process.argv[2] ?? '{}'));

const installation = await ErasureWorld.install(folder);
const die = (reached: SettleStep | 'accepted' | 'opened') => {
  if (reached === step) process.kill(process.pid, 'SIGKILL');
};
die('opened');
if (object !== undefined) await erasePerson(installation, { object }, REASON);
die('accepted');
await installation.log.eraser.settle(die);
await installation.close();
