// What objects are called: the newest name and type that the events below the watermark give them, however they are looked up.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { QueryContext } from '../api/queries/context.ts';
import { nameObjects } from '../api/queries/names.ts';
import type { Reference } from '../api/queries/results.ts';
import { SeededRandom } from '../engine/demonstration/seeded-random.ts';
import type { ProposedEvent } from '../ingest/event.ts';
import { openChangeLog } from '../ingest/log.ts';
import { everywhere, makeFolderAt, targetOf } from './ingest-places.ts';
import { afterwards, makeEvent, makeId } from './ingest-world.ts';
import { WHOLE_SIGHT } from './whole-sight.ts';

const OBJECTS = 300;
const EVENTS = 1500;
const IDS = Array.from({ length: OBJECTS + 20 }, (_, number) => makeId(number));

/** Some have no event, some never a name or a type, some many; few are told of among the newest events. */
function makeHistory(): ProposedEvent[] {
  const random = new SeededRandom(7);
  return Array.from({ length: EVENTS }, (_, n) => {
    const number = Math.floor(OBJECTS * random.fraction() ** (1 + n / EVENTS));
    const isFlow = random.happens(0.4);
    return makeEvent({
      stage: isFlow ? 'import-flow' : 'import',
      operation: 'update',
      outcome: isFlow ? 'connector-flow' : 'stage-update',
      object: IDS[number],
      objectName: number % 10 > 0 && random.happens(0.6) ? `name ${number} of ${n}` : undefined,
      objectType: random.happens(0.8) ? `type ${n % 3}` : undefined,
    });
  });
}

function expected(events: readonly ProposedEvent[]): Map<string, Reference> {
  return new Map(
    IDS.map((id) => {
      const own = events.filter(({ object }) => object === id);
      const name = own.findLast(({ objectName }) => objectName !== undefined)?.objectName;
      const type = own.findLast(
        ({ stage, objectType }) => stage === 'import-flow' && objectType !== undefined,
      )?.objectType;
      return [id, { id, name, type }];
    }),
  );
}

test('the history has every kind of object', () => {
  const all = [...expected(makeHistory()).values()];
  assert.ok(all.some(({ name, type }) => name === undefined && type !== undefined));
  assert.ok(all.some(({ name, type }) => name !== undefined && type === undefined));
  assert.ok(all.filter(({ name, type }) => name !== undefined && type !== undefined).length > 150);
});

everywhere('the newest name and type are told of each, many or few, in spans or at once', async (t, place) => {
  const log = await openChangeLog(targetOf(await makeFolderAt(t, place)));
  afterwards(t, () => log.close());
  const events = makeHistory();
  await log.journal.accept(() => ({ events, state: [] }));
  await log.shipper.delivered(EVENTS);
  for (const watermark of [EVENTS, 700, 40, 0]) {
    const context: QueryContext = { clickhouse: log.clickhouse, log: 'test', watermark, sight: WHOLE_SIGHT };
    const names = expected(events.slice(0, watermark));
    for (const span of [20, 150, undefined]) assert.deepEqual(await nameObjects(context, IDS, span), names);
    const few = IDS.slice(0, 60);
    assert.deepEqual(await nameObjects(context, few), new Map([...names].slice(0, 60)));
  }
});
