// A process of its own for the tests of retention: it lets go what has expired, and dies by SIGKILL at the step that it is
// told. What an earlier one left undone is finished first, as a service does it.
import { z } from 'zod';
import { applyRetention } from '../api/retaining.ts';
import { type ExpiryStep, finishExpiry, isExpiryUnfinished } from '../ingest/retention/expire.ts';
import { ErasureWorld } from './erasure-world.ts';

const { folder, step, at, configuration } = z
  .object({ folder: z.string(), step: z.string(), at: z.number(), configuration: z.string() })
  .parse(JSON.parse(process.argv[2] ?? '{}'));

const die = (reached: ExpiryStep) => {
  if (reached === step) process.kill(process.pid, 'SIGKILL');
};
const installation = await ErasureWorld.install(folder, configuration);
const { log, engine } = installation;
await log.shipper.delivered(log.journal.size);
if (await isExpiryUnfinished(log)) await engine.exclusively(() => finishExpiry(log, die));
else await applyRetention(installation, { who: 'records office', by: 'administrator' }, at, die);
await installation.close();
