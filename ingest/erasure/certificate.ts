// The certificate that a person is erased. It is issued only when nothing of them is found any more, and says what was
// looked at, what could not be, and which backups still have them.
import { z } from 'zod';
import type { ClickHouse } from '../clickhouse/connect.ts';
import { atEachOwner } from '../clickhouse/owners.ts';
import { type Micros, systemClock } from '../clock.ts';
import { LogError } from '../errors.ts';
import type { EventValue, ProposedEvent } from '../event.ts';
import type { Journal } from '../journal/journal.ts';
import { removeOldParts } from './old-parts.ts';
import { type FileSearch, type SoughtContent, searchClickHouse, searchFiles } from './search.ts';

export interface Backup {
  name: string;
  /** Until when it is kept, as somebody wrote it; undefined: until it is removed by hand. */
  until?: string | undefined;
}

export interface CertificateOptions {
  /** Who asks for it. */
  who: string;
  /** Who carries it out. */
  by: string;
  /** Folders outside of the data folder that may hold copies: archives, bundles. */
  folders: readonly string[];
  backups: readonly Backup[];
}

export interface Certificate {
  /** The erasure event. */
  erasure: number;
  /** The event that this was issued. */
  event: number;
  issuedAt: Micros;
  keys: number;
  /** How many whole values and names were looked for; undefined: the service was started anew since, and does not know them. */
  searched?: { values: number; names: number } | undefined;
  /** Texts that others have as well, and were not looked for. */
  shared: number;
  folders: string[];
  files: number;
  bytes: number;
  /** Its tables were searched, its files cannot be. */
  server: boolean;
  backups: Backup[];
}

/** What is known of an erasure when its certificate is asked for. */
export interface Settled {
  erasure: number;
  keys: readonly number[];
  content: (SoughtContent & { shared: number }) | undefined;
}

/** Everything of the erasure is settled before. Throws LogError certificate-refused: something is left, and where. */
export async function issueCertificate(
  journal: Journal,
  clickhouse: ClickHouse,
  settled: Settled,
  options: CertificateOptions,
): Promise<Certificate> {
  const { erasure, keys, content } = settled;
  const found: string[] = [];
  await atEachOwner(clickhouse, async (owner) => {
    await removeOldParts(owner, systemClock());
    found.push(...(await searchTables(owner, settled)));
  });
  // A file written anew has no free pages; where nothing is known to look for, it is the only proof that there are none.
  await journal.workOnErasure({ kind: content ? 'checkpoint' : 'vacuum' });
  const folders = [journal.folder, ...options.folders];
  const sought = content ?? { values: [], names: [], keys: [] };
  let files = await searchFiles(folders, sought);
  if (isInJournal(files)) {
    await journal.workOnErasure({ kind: 'vacuum' });
    files = await searchFiles(folders, sought);
  }
  const left = [...found, ...files.found];
  if (left.length > 0)
    throw new LogError('certificate-refused', `What was erased by event ${erasure} is still in ${left.join(', ')}.`);
  const certificate = {
    erasure,
    issuedAt: systemClock(),
    keys: keys.length,
    searched: content && { values: content.values.length, names: content.names.length },
    shared: content?.shared ?? 0,
    folders,
    files: files.files,
    bytes: files.bytes,
    server: !clickhouse.embedded,
    backups: [...options.backups],
  };
  const { first: event } = await journal.accept(() => ({
    events: [certificateEvent(certificate, options)],
    state: [],
  }));
  return { ...certificate, event };
}

function isInJournal({ found }: FileSearch): boolean {
  return found.some((file) => /metatrail\.sqlite(-wal)?$/.test(file));
}

async function searchTables(clickhouse: ClickHouse, { keys, content }: Settled): Promise<string[]> {
  const [row] = await clickhouse.select(
    `SELECT countIf(subject_key IN {keys:Array(UInt64)} AND (object_name || anchor || dn != ''
         OR arrayExists((t, o, n) -> t != 'reference' AND o || n != '', value.type, value.old, value.new)))
       + countIf(actor_key IN {keys:Array(UInt64)} AND initiator || performer || address != '')
       + countIf(arrayExists((k, o, n) -> has({keys:Array(UInt64)}, k) AND o || n != '', value.key, value.old, value.new)) AS left
     FROM events`,
    { keys },
    z.object({ left: z.number() }),
    { timeLimit: 1800 },
  );
  return [
    ...(row && row.left > 0 ? [`${row.left} events under the erased keys`] : []),
    ...(content ? await searchClickHouse(clickhouse, content) : []),
  ];
}

function certificateEvent(certificate: Omit<Certificate, 'event'>, { who, by }: CertificateOptions): ProposedEvent {
  const { erasure, issuedAt, searched, shared, files, bytes, server, backups } = certificate;
  const value = (attribute: string, type: EventValue['type'], text: string | number | boolean): EventValue => ({
    attribute,
    type,
    operation: 'add',
    new: String(text),
    marks: 0,
  });
  return {
    occurredAt: issuedAt,
    occurredAtKnown: 'observed',
    stage: 'erasure',
    operation: 'none',
    outcome: 'erasure-certified',
    values: [
      value('keys', 'integer', certificate.keys),
      ...(searched
        ? [value('searched/values', 'integer', searched.values), value('searched/names', 'integer', searched.names)]
        : []),
      value('not-searched/shared', 'integer', shared),
      value('searched/files', 'integer', files),
      value('searched/bytes', 'integer', bytes),
      value('files-of-server', 'boolean', server),
      ...backups.map(({ name, until }) =>
        value('backup', 'string', until === undefined ? name : `${name}, until ${until}`),
      ),
    ],
    initiator: who,
    initiatorKnown: 'reported',
    performer: by,
    causes: [erasure],
    root: erasure,
    outOfBand: false,
  };
}
