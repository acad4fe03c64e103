// The sample whose leaves are computed a second time, here and not in ClickHouse: what it is for is a ClickHouse that does not
// compute what it was asked to.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Findings } from '../ingest/verify/findings.ts';
import { LiveLog } from '../ingest/verify/live-log.ts';
import type { Report } from '../ingest/verify/report.ts';
import { chooseSample } from '../ingest/verify/sample.ts';
import type { LogSource } from '../ingest/verify/source.ts';
import { verifyLog } from '../ingest/verify/verify-log.ts';
import { makeFolder } from './ingest-world.ts';
import { check, faultsOf, makeEvents, makeLog, tamper, withSqlite } from './verify-world.ts';

const HASH_BYTES = 32;
const TILE_WIDTH = 256;
const EVENT = 333;

/** A log whose ClickHouse gives leaves of its own instead of those of its rows. */
async function checkWithLeaves(
  folder: string,
  lie: (leaves: Buffer, first: number, log: LiveLog) => void,
  tile: LogSource['tile'] | undefined = undefined,
): Promise<Report> {
  const log = await LiveLog.open({ folder });
  const liar = new Proxy(log, {
    get(target, name) {
      if (name === 'tile' && tile) return tile;
      if (name !== 'chunks') {
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      }
      return async function* (findings: Findings, sample: readonly number[]) {
        for await (const chunk of target.chunks(findings, sample)) {
          const leaves = Buffer.from(chunk.leaves);
          lie(leaves, chunk.first, target);
          yield { ...chunk, leaves };
        }
      };
    },
  });
  try {
    return await verifyLog(liar, { seed: 'test' });
  } finally {
    await log.close();
  }
}

/** The leaves that the tiles hold, whatever the rows are. */
function sayTiles(leaves: Buffer, first: number, log: LiveLog): void {
  for (let at = 0; at < leaves.length; at += HASH_BYTES * TILE_WIDTH)
    log.tile(0, (first + at / HASH_BYTES) / TILE_WIDTH)?.copy(leaves, at);
}

async function makeLogOf(t: TestContext, events: number): Promise<string> {
  const folder = makeFolder(t);
  await makeLog(folder, { batches: [(base) => makeEvents(base, events)], checkpoints: [] });
  return folder;
}

test('an altered row for which ClickHouse gives the leaf that was accepted is found by the sample alone', async (t) => {
  const folder = await makeLogOf(t, 700);
  await tamper(folder, `ALTER TABLE events UPDATE outcome = 'forged' WHERE sequence = ${EVENT}`);
  const said = await checkWithLeaves(folder, sayTiles);
  assert.equal(said.result, 'faults');
  assert.deepEqual(faultsOf(said), [['computed-differently', EVENT]]);
  assert.match(said.faults[0]?.what ?? '', /^Event 333 has another leaf when it is computed here than ClickHouse/);
  // ClickHouse as it is.
  assert.deepEqual(faultsOf(await check(folder)), [['altered', EVENT]]);
});

test('a wrong leaf of one row is found, also where the tile was made to match it and nothing is signed', async (t) => {
  const folder = await makeLogOf(t, 700);
  withSqlite(folder, (database) => database.exec('DELETE FROM checkpoints'));
  const log = await LiveLog.open({ folder });
  const tiles = [0, 1, 2].map((index) => Buffer.from(log.tile(0, index) ?? Buffer.alloc(0)));
  await log.close();
  const flip = (hashes: Buffer, at: number) => hashes.writeUInt8(hashes.readUInt8(at) ^ 1, at);
  flip(tiles[1] ?? Buffer.alloc(0), (EVENT - TILE_WIDTH) * HASH_BYTES);
  const said = await checkWithLeaves(
    folder,
    (leaves, first) => flip(leaves, (EVENT - first) * HASH_BYTES),
    (level, index) => (level === 0 ? tiles[index] : undefined),
  );
  assert.deepEqual(faultsOf(said), [['computed-differently', EVENT]]);
});

test('of a larger log a thousand rows are computed twice, those that the seed says', async (t) => {
  const events = 3000;
  const folder = await makeLogOf(t, events);
  const chosen = chooseSample('test', 0, events, 1000);
  assert.equal(new Set(chosen).size, 1000);
  const left = Array.from({ length: events }, (_, i) => i).find((i) => !chosen.includes(i)) ?? -1;
  const sequences = [left, chosen[0], chosen[500], chosen[999]].join(', ');
  await tamper(folder, `ALTER TABLE events UPDATE outcome = 'forged' WHERE sequence IN (${sequences})`);
  const said = await checkWithLeaves(folder, sayTiles);
  assert.equal(said.sample.rows, 1000);
  assert.deepEqual(
    said.faults.map(({ kind, first, count }) => [kind, first, count]),
    [['computed-differently', chosen[0], 3]],
  );
});
