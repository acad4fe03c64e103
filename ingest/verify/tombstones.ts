// What has expired: a signed tombstone stands for each partition that is gone. It is kept beside the log and in an event of
// the log; both must say the same, its range must be a partition, its root that of the tiles, and its key one in force.
import { CannotCheckError } from './cannot-check.ts';
import type { Findings } from './findings.ts';
import type { KeyRing } from './key-ring.ts';
import { Frontier, HASH_BYTES, rootOfTile, TILE_BYTES, TILE_LEVELS, TILE_WIDTH } from './merkle.ts';
import type { Row } from './row.ts';
import { checkSignatures, MalformedNoteError } from './signed-note.ts';
import type { KeptTombstone, LogSource } from './source.ts';
import { parseTombstone, type Tombstone } from './tombstone.ts';

/** What an event says of a partition that expired. */
interface ExpiryEvent {
  sequence: number;
  first: number;
  size: number;
  note: string;
}

export class Tombstones {
  readonly #source: LogSource;
  readonly #ring: KeyRing;
  readonly #findings: Findings;
  readonly #events: ExpiryEvent[] = [];
  #faults = 0;

  constructor(source: LogSource, ring: KeyRing, findings: Findings) {
    this.#source = source;
    this.#ring = ring;
    this.#findings = findings;
  }

  add(rows: readonly Row[]): void {
    for (const { stage, outcome, sequence, values } of rows) {
      if (stage !== 'retention' || outcome !== 'partition-expired') continue;
      const text = (name: string) => values.find(({ attribute }) => attribute === name)?.new ?? '';
      const [first, size] = [Number(text('first')), Number(text('size'))];
      this.#events.push({ sequence, first, size, note: text('tombstone') });
    }
  }

  /** When all rows are in: says what is wrong, and of what is not, what has expired. */
  finish(): void {
    const kept = [...this.#source.tombstones].sort((a, b) => a.first - b.first);
    let end = 0;
    for (const each of kept) {
      const before = this.#faults;
      const tombstone = this.#check(each, end);
      if (!tombstone) continue;
      end = Math.max(end, tombstone.first + tombstone.size);
      if (this.#faults === before) this.#tell(tombstone);
    }
    this.#checkEvents(kept);
  }

  #check(kept: KeptTombstone, end: number): Tombstone | undefined {
    const tombstone = this.#parse(kept);
    if (!tombstone) return undefined;
    this.#checkPlace(kept, tombstone, end);
    this.#checkRoot(tombstone);
    this.#checkSignature(tombstone, this.#eventOf(tombstone)?.sequence);
    return tombstone;
  }

  #parse({ first, note }: KeptTombstone): Tombstone | undefined {
    try {
      return parseTombstone(note);
    } catch (error) {
      if (!(error instanceof MalformedNoteError)) throw error;
      this.#fault(
        'tombstone-malformed',
        first,
        `The tombstone of the events from ${first} on is none: ${error.message}.`,
      );
      return undefined;
    }
  }

  #checkPlace(kept: KeptTombstone, { origin, first, size, until, lastOccurred }: Tombstone, end: number): void {
    const { log, partitionEvents, first: begin, size: total } = this.#source;
    const name = nameOf(first);
    if (origin !== log) this.#fault('tombstone-origin', first, `${name} is of another log, ${origin}.`);
    const isPartition = size === partitionEvents && first % partitionEvents === 0 && first + size <= total;
    if (!isPartition)
      this.#fault('tombstone-range', first, `${name} is of ${size} events, which are no partition of this log.`);
    else if (kept.first !== first || kept.size !== size)
      this.#fault('tombstone-range', first, `${name} is kept as one of ${kept.size} events from ${kept.first} on.`);
    if ((kept.until ?? until) !== until || (kept.lastOccurred ?? lastOccurred) !== lastOccurred)
      this.#fault('tombstone-different', first, `${name} is kept with other times than it was signed with.`);
    if (first < end) this.#fault('tombstone-overlap', first, `${name} is of events that another one before it is of.`);
    else if (first > end)
      this.#fault('tombstone-gap', end, `${name} stands after a gap: of the events from ${end} on there is none.`);
    else if (isPartition && first + size > begin)
      this.#fault('not-expired', begin, `${name} says that its events have expired, and their rows are still there.`);
  }

  #checkRoot({ first, size, root }: Tombstone): void {
    if (first % TILE_WIDTH !== 0 || size % TILE_WIDTH !== 0 || first + size > this.#source.size) return;
    const tree = new Frontier();
    for (let tile = first / TILE_WIDTH; tile < (first + size) / TILE_WIDTH; tile++)
      tree.append(tileRoot(this.#source, tile), TILE_LEVELS);
    if (!tree.root().equals(root))
      this.#fault('tombstone-root', first, `${nameOf(first)} has another root than the tiles of its events.`);
  }

  /** Signed by the key that was in force when its event was accepted; by one after its last event where that expired too. */
  #checkSignature(tombstone: Tombstone, event: number | undefined): void {
    const { first, size } = tombstone;
    const { signers, broken } = checkSignatures(tombstone, this.#ring.keys);
    const name = nameOf(first);
    for (const { text } of broken)
      this.#fault('tombstone-signature', first, `The signature of ${lower(name)} does not fit the key ${text}.`);
    if (signers.length === 0 && broken.length === 0)
      this.#fault('tombstone-signature', first, `${name} is signed by no key that is known.`);
    const isInForce = signers.some((key) =>
      event === undefined ? (this.#ring.endOf(key) ?? Infinity) > first + size : this.#ring.isInForce(key, event),
    );
    if (signers.length > 0 && !isInForce)
      this.#fault(
        'tombstone-key',
        first,
        `${name} is signed by a key that was not in force then, ${signers[0]?.text}.`,
      );
  }

  /** Tombstones and events of them, against each other. Events may have expired in their turn, the oldest first. */
  #checkEvents(kept: readonly KeptTombstone[]): void {
    for (const { sequence, first, size, note } of this.#events) {
      const same = kept.find((each) => each.first === first);
      const said = `Event ${sequence} says that the ${size} events from ${first} on have expired,`;
      if (!same)
        this.#fault('tombstone-missing', first, `${said} and their tombstone is not in ${this.#source.where}.`);
      else if (same.note !== note || same.size !== size)
        this.#fault('tombstone-different', first, `${said} with another tombstone than is in ${this.#source.where}.`);
    }
    const oldest = Math.min(...this.#events.map(({ first }) => first));
    const last = kept.at(-1)?.first;
    const without = kept.filter(({ first }) => !this.#events.some((event) => event.first === first));
    for (const { first } of without) {
      if (first < oldest && !(first === last)) continue;
      const what = `${nameOf(first)} is in no event of the log.`;
      if (!this.#source.isPart) this.#fault('tombstone-without-event', first, what);
      else
        this.#findings.add({
          weight: 'gap',
          kind: 'tombstone-event',
          first,
          count: 1,
          what: `${what.slice(0, -1)} that is in ${this.#source.where}.`,
        });
    }
  }

  #eventOf({ first }: Tombstone): ExpiryEvent | undefined {
    return this.#events.find((event) => event.first === first);
  }

  #tell(tombstone: Tombstone): void {
    const { first, size, until } = tombstone;
    const event = this.#eventOf(tombstone);
    const said = event ? `by event ${event.sequence}` : 'by an event that has expired as well, or is in no row here';
    const what = `Events ${first} to ${first + size - 1}, accepted until ${new Date(until / 1000).toISOString()}, have expired ${said}: tombstone ${first} stands for them.`;
    this.#findings.add({ weight: 'gap', kind: 'expired', first, count: size, what });
  }

  #fault(kind: string, first: number, what: string): void {
    this.#faults += 1;
    this.#findings.add({ weight: 'fault', kind, first, count: 1, what });
  }
}

/** The root of a full tile of level 0: from itself, or from the tile above where a bundle has only that. */
function tileRoot(source: LogSource, index: number): Buffer {
  const above = source.tile(1, Math.floor(index / TILE_WIDTH));
  const offset = (index % TILE_WIDTH) * HASH_BYTES;
  const hash = above?.subarray(offset, offset + HASH_BYTES);
  if (hash?.length === HASH_BYTES) return hash;
  const tile = source.tile(0, index);
  if (tile?.length === TILE_BYTES) return rootOfTile(tile);
  throw new CannotCheckError(
    `The tile ${index} of level 0 of ${source.where}, of events that have expired, is not there; restore it from a backup.`,
  );
}

function nameOf(first: number): string {
  return `The tombstone of the events from ${first} on`;
}

function lower(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}
