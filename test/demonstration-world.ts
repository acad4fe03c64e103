// What the tests of the demonstration company share: its log, asked with SQL, and what there is at the end of a replay.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { loadConfiguration } from '../engine/configuration/load.ts';
import { parseLdif } from '../engine/connectors/ldif-format.ts';
import { prepareDemonstration } from '../engine/demonstration/replay.ts';
import { Engine } from '../engine/engine.ts';
import { type Entry, KINDS, type MetaverseObject } from '../engine/space.ts';
import type { Journal } from '../ingest/journal/journal.ts';
import { type ChangeLog, openChangeLog } from '../ingest/log.ts';

export async function openEngine(data: string): Promise<{ log: ChangeLog; engine: Engine }> {
  const opened = await openChangeLog({ folder: data });
  const prepared = await prepareDemonstration(data);
  return { log: opened, engine: await Engine.open(opened.journal, loadConfiguration(prepared.text, prepared)) };
}

const eventRow = z.object({
  sequence: z.number(),
  at: z.string(),
  stage: z.string(),
  operation: z.string(),
  outcome: z.string(),
  error: z.string(),
  agent: z.string(),
  object: z.string(),
  object_type: z.string(),
  object_name: z.string(),
  anchor: z.string(),
  dn: z.string(),
  initiator: z.string(),
  initiator_known: z.string(),
  out_of_band: z.number(),
  attribute: z.array(z.string()),
  old: z.array(z.string()),
  new: z.array(z.string()),
  reference: z.array(z.string()),
});
export type EventRow = z.infer<typeof eventRow>;

/** The events that a condition holds for, in order. */
export function events(log: ChangeLog, condition: string, params: Record<string, unknown> = {}): Promise<EventRow[]> {
  return log.clickhouse.select(
    `SELECT sequence, toString(occurred_at) AS at, stage, operation, outcome, error, agent, toString(object) AS object, object_type,
       object_name, anchor, dn, initiator, initiator_known, out_of_band, value.attribute AS attribute, value.old AS old,
       value.new AS new, arrayMap(r -> toString(r), value.reference) AS reference
     FROM (SELECT * FROM events WHERE ${condition}) ORDER BY occurred_at, sequence`,
    params,
    eventRow,
  );
}

/** The metaverse object of an employee or contractor, by number. */
export async function personOf(log: ChangeLog, number: string): Promise<string> {
  const [linked] = await events(log, "stage IN ('projection', 'join') AND anchor = {number:String}", { number });
  assert.ok(linked, `${number} is nobody`);
  return linked.object;
}

/** What an event says of one attribute: the value before and after. */
export function changeOf(event: EventRow | undefined, attribute: string): [string | undefined, string | undefined] {
  const index = event?.attribute.indexOf(attribute) ?? -1;
  return index < 0 ? [undefined, undefined] : [event?.old[index], event?.new[index]];
}

export const brief = ({ at, agent, outcome, error }: EventRow): string[] => [at.slice(0, 10), agent, outcome, error];

/** The systems in which a person's account is enabled at the end, from the log alone. */
export async function enabledAtTheEnd(log: ChangeLog, holder: string): Promise<string[]> {
  const rows = await log.clickhouse.select(
    `SELECT agent, argMax(granted, (occurred_at, sequence, ordinal)) AS enabled FROM entitlement_changes
     WHERE holder = {holder:UUID} AND attribute = 'enabled' AND agent != '' GROUP BY agent, entry ORDER BY agent`,
    { holder },
    z.object({ agent: z.string(), enabled: z.number() }),
  );
  return rows.filter(({ enabled }) => enabled === 1).map(({ agent }) => agent);
}

/** Runs the replay in a process of its own and kills it when so much is done; undefined: lets it finish. */
export async function replayInChild(data: string, killAt: number | undefined): Promise<void> {
  const from = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);
  const program = `
    import { openChangeLog } from ${from('../ingest/log.ts')};
    import { Engine } from ${from('../engine/engine.ts')};
    import { loadConfiguration } from ${from('../engine/configuration/load.ts')};
    import { prepareDemonstration, replayDemonstration } from ${from('../engine/demonstration/replay.ts')};
    const folder = ${JSON.stringify(data)};
    const log = await openChangeLog({ folder });
    const prepared = await prepareDemonstration(folder);
    const engine = await Engine.open(log.journal, loadConfiguration(prepared.text, prepared));
    const onProgress = ({ done }) => process.stdout.write(done + '\\n');
    await replayDemonstration({ engine, journal: log.journal, folder, onProgress });
    await log.shipper.delivered(log.journal.size);
    await log.close();`;
  const file = `${data}.mjs`;
  writeFileSync(file, program);
  const child = spawn(process.execPath, [file], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, UV_THREADPOOL_SIZE: '16' },
  });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const done = Number(text.trim().split('\n').at(-1));
    // Some way into what comes next, which takes longer than this.
    if (killAt !== undefined && done >= killAt) setTimeout(() => child.kill('SIGKILL'), 30 + (killAt % 7) * 20);
  });
  const [status, signal] = await once(child, 'exit');
  rmSync(file);
  if (killAt === undefined) assert.equal(status, 0);
  else assert.equal(signal, 'SIGKILL');
}

export function entriesOf(journal: Journal): Entry[] {
  return journal.state.keys(KINDS.entry).map((key) => journal.state.get(KINDS.entry, key) as Entry);
}

/** What there is at the end, without the ids that every run gives anew. */
export function endOf(journal: Journal): unknown {
  const { state } = journal;
  const objects = state.keys(KINDS.object).map((key) => state.get(KINDS.object, key) as MetaverseObject);
  const names = new Map(
    objects.map(({ id, attributes }) => [id, attributes.name?.values[0]?.[0] ?? attributes.mail?.values[0]?.[0] ?? '']),
  );
  const readable = (value: string): string => names.get(value) ?? value;
  return {
    objects: objects
      .map(({ type, attributes }) =>
        [
          type,
          ...Object.entries(attributes)
            .map(([name, { values }]) => `${name}: ${values.map(([value]) => readable(value)).toSorted()}`)
            .toSorted(),
        ].join('\n'),
      )
      .toSorted(),
    entries: entriesOf(journal)
      .map(({ agent, type, dn, exists, object, pending, pendingExport, unconfirmed, escrowed }) =>
        [
          agent,
          type,
          dn,
          exists,
          readable(object ?? ''),
          pending?.kind,
          pendingExport?.kind,
          unconfirmed === undefined,
          escrowed,
        ].join(' '),
      )
      .toSorted(),
  };
}

/** The records of an LDIF file in an order of their own, without the anchors that the file gave them. */
export function contentOf(data: string, file: string): string[] {
  return parseLdif(readFileSync(join(data, 'demonstration', file), 'utf8'))
    .map(({ dn, values }) =>
      [
        dn,
        ...values
          .filter(({ type }) => type !== 'entryUUID')
          .map(({ type, value }) => `${type}: ${value}`)
          .toSorted(),
      ].join('\n'),
    )
    .toSorted();
}
