// A process that runs the engine on a folder, to be killed. FOLDER AGENT PROFILE kill-after-write: it dies by itself when
// the directory has just been replaced. FOLDER alone: it says `ready` and runs one cycle.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Engine } from '../engine/engine.ts';
import { Journal } from '../ingest/journal/journal.ts';
import { loadIn } from './engine-world.ts';

const [folder = '', agent = '', profile = '', kill] = process.argv.slice(2);
const configuration = loadIn(folder, readFileSync(join(folder, 'configuration.yaml'), 'utf8'));
const journal = await Journal.open(join(folder, 'data'));
const engine = await Engine.open(journal, configuration);
if (kill === 'kill-after-write') {
  // The outcome of an export is what is proposed next when the directory has just been written: there the process ends.
  const accept = journal.accept.bind(journal);
  journal.accept = (build) =>
    accept((base) => {
      const batch = build(base);
      if (batch.events.some(({ stage, outcome }) => stage === 'export' && outcome !== 'export-intent'))
        process.kill(process.pid, 'SIGKILL');
      return batch;
    });
  await engine.run(agent, profile);
  throw new Error('the run was over before the process was killed');
}
process.send?.('ready');
for (const step of configuration.cycle) await engine.run(step.agent, step.profile);
await journal.close();
process.disconnect?.();
