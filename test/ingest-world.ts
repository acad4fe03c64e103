// What the tests of ingest/ share: folders that go away, logs that are closed, events made by hand.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { type ClickHouse, openClickHouse } from '../ingest/clickhouse/connect.ts';
import type { ProposedEvent } from '../ingest/event.ts';
import { Journal } from '../ingest/journal/journal.ts';
import type { Batch, StateChange } from '../ingest/journal/messages.ts';

const cleanups = new WeakMap<TestContext, (() => unknown)[]>();

/** Does this after the test, what was asked for last first: a log is closed before its folder is removed. */
export function afterwards(t: TestContext, work: () => unknown): void {
  const known = cleanups.get(t);
  if (known) {
    known.push(work);
    return;
  }
  const all = [work];
  cleanups.set(t, all);
  t.after(async () => {
    for (let next = all.pop(); next; next = all.pop()) await next();
  });
}

/** An empty folder that is removed after the test. */
export function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'metatrail-ingest-'));
  afterwards(t, () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export async function openJournal(t: TestContext, folder = makeFolder(t)): Promise<Journal> {
  const journal = await Journal.open(folder);
  afterwards(t, () => journal.close());
  return journal;
}

/** The embedded ClickHouse in a folder; a process can have one folder at a time. */
export function openEmbedded(t: TestContext, folder = makeFolder(t)): ClickHouse {
  const clickhouse = openClickHouse({ folder });
  afterwards(t, () => clickhouse.close());
  return clickhouse;
}

export function makeId(number: number): string {
  return `0192a000-0000-7000-8000-${number.toString(16).padStart(12, '0')}`;
}

export function makeEvent(fields: Partial<ProposedEvent> = {}): ProposedEvent {
  return {
    occurredAt: 1_262_304_000_000_000,
    occurredAtKnown: 'observed',
    stage: 'import',
    operation: 'add',
    outcome: 'stage-add',
    values: [],
    initiatorKnown: 'unknown',
    causes: [],
    outOfBand: false,
    ...fields,
  };
}

/** A batch of so many events that say which they are, and one state value with their number. */
export function makeBatch(base: number, count: number, state: StateChange[] = []): Batch {
  const events = Array.from({ length: count }, (_, i) =>
    makeEvent({
      objectName: `event ${base + i}`,
      values: [{ attribute: 'n', type: 'integer', operation: 'add', new: String(base + i), marks: 0 }],
    }),
  );
  return { events, state };
}
