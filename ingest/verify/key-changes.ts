// New keys of the checkpoints: each is announced by an event, is on record from the size after it on, and the first checkpoint
// that the event is in is signed by the old key as well, unless the event says that it was lost.
import type { SignedCheckpoint } from './checkpoints.ts';
import type { Findings } from './findings.ts';
import type { KeyRing } from './key-ring.ts';
import type { Row } from './row.ts';
import type { LogSource } from './source.ts';

interface KeyChange {
  sequence: number;
  old: string;
  fresh: string;
  isLost: boolean;
}

export class KeyChanges {
  readonly #changes: KeyChange[] = [];

  add(rows: readonly Row[]): void {
    for (const { stage, outcome, sequence, values } of rows) {
      const value = values.find(({ attribute }) => attribute === 'checkpoint-key');
      if (stage !== 'configuration' || !value) continue;
      const isLost = outcome === 'checkpoint-key-replaced';
      this.#changes.push({ sequence, old: value.old, fresh: value.new, isLost });
    }
  }

  finish(source: LogSource, ring: KeyRing, checkpoints: readonly SignedCheckpoint[], findings: Findings): void {
    for (const change of this.#changes) {
      this.#checkRecord(change, ring, findings);
      if (!change.isLost) this.#checkSignedOver(change, source, ring, checkpoints, findings);
    }
    const announced = new Set(this.#changes.map(({ fresh }) => fresh));
    for (const { text, from } of ring.onRecord) {
      if (from === undefined || from <= source.first || from > source.size || announced.has(text)) continue;
      const what = `The key ${text} is on record from ${from} events on, and event ${from - 1} does not announce it.`;
      findings.add({ weight: 'fault', kind: 'key-record', first: from - 1, count: 1, what });
    }
  }

  #checkRecord({ sequence, fresh }: KeyChange, ring: KeyRing, findings: Findings): void {
    const kept = ring.onRecord.find(({ text }) => text === fresh);
    // A bundle of before sizes were written beside the keys does not say it.
    if (kept && (kept.from ?? sequence + 1) === sequence + 1) return;
    const said = kept ? `is on record from ${kept.from} on` : 'is not on record';
    const what = `Event ${sequence} announces a new key of the checkpoints, ${fresh}, which ${said}.`;
    findings.add({ weight: 'fault', kind: 'key-record', first: sequence, count: 1, what });
  }

  #checkSignedOver(
    { sequence, old, fresh }: KeyChange,
    { size, isPart }: LogSource,
    ring: KeyRing,
    checkpoints: readonly SignedCheckpoint[],
    findings: Findings,
  ): void {
    const next = checkpoints.find((each) => !each.isOutside && each.size > sequence);
    // A part need not have the checkpoint that came first.
    if (!next || (isPart && next.size > size) || !ring.keys.some(({ text }) => text === old)) return;
    if (next.keys.includes(old)) return;
    const what = `Event ${sequence} announces the key ${fresh}, but ${next.place} is not signed by the key before it, ${old}, as the first after it should be.`;
    findings.add({ weight: 'fault', kind: 'checkpoint-key', first: sequence, count: 1, what });
  }
}
