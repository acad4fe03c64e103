// The certificate that a person is erased. It is issued only when nothing of them is found any more, and says what was
// looked at, what could not be, and which backups still have them.
import { z } from 'zod';
import { listBackups } from '../backup/list.ts';
import type { ClickHouse } from '../clickhouse/connect.ts';
import { atEachOwner } from '../clickhouse/owners.ts';
import { formatIso, type Micros, systemClock } from '../clock.ts';
import { LogError } from '../errors.ts';
import type { EventValue, ProposedEvent } from '../event.ts';
import type { Journal } from '../journal/journal.ts';
import type { FileSearchResult } from './file-searcher.ts';
import { findStrayParts, removeOldParts } from './old-parts.ts';
import { findInEvents, searchClickHouse, searchFiles } from './search.ts';
import { type NotSought, type Sought, withoutOthers } from './sought.ts';

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
  /** What the person was called, beside what is known: all that can be looked for after a restart. */
  names?: readonly string[];
  backups: readonly Backup[];
}

export interface Certificate {
  /** The erasure event. */
  erasure: number;
  /** The event that this was issued. */
  event: number;
  issuedAt: Micros;
  keys: number;
  /** How many were looked for. Without values and keys: the service was started anew since, and only the names are known. */
  searched: { values?: number | undefined; names: number; keys: number };
  /** How many texts were not looked for, or not everywhere. */
  not: NotSought;
  folders: string[];
  files: number;
  bytes: number;
  /** Files and folders that could not be searched, each with its reason. */
  notSearched: string[];
  /** Its tables were searched, its files cannot be. */
  server: boolean;
  backups: Backup[];
}

/** What is known of an erasure when its certificate is asked for. */
export interface Settled {
  erasure: number;
  keys: readonly number[];
  sought: Sought;
  /** Everything that was theirs is looked for; otherwise only names that were told. */
  isKnown: boolean;
}

/** Everything of the erasure is settled before. Throws LogError certificate-refused: something is left, and where. */
export async function issueCertificate(
  journal: Journal,
  clickhouse: ClickHouse,
  settled: Settled,
  options: CertificateOptions,
): Promise<Certificate> {
  const { erasure, keys, isKnown } = settled;
  const inEvents = new Set<string>();
  await atEachOwner(clickhouse, async (owner) => {
    for (const text of await findInEvents(owner, [...settled.sought.unmarked])) inEvents.add(text);
  });
  const sought = withoutOthers(settled.sought, inEvents);
  const found: string[] = [];
  await atEachOwner(clickhouse, async (owner) => {
    await removeOldParts(owner, systemClock());
    found.push(...(await searchTables(owner, { ...settled, sought })));
  });
  const files = await searchDisk(journal, clickhouse, { ...settled, sought }, options);
  const stray = clickhouse.embedded ? await findStrayParts(clickhouse, files.parts) : [];
  const left = [...found, ...files.found, ...stray.map((folder) => `${folder} (a part that no table reads)`)];
  if (left.length > 0)
    throw new LogError('certificate-refused', `What was erased by event ${erasure} is still in ${left.join(', ')}.`);
  const certificate = {
    erasure,
    issuedAt: systemClock(),
    keys: keys.length,
    searched: {
      ...(isKnown && { values: sought.values.length }),
      names: sought.names.length + sought.words.length,
      keys: sought.keys.length,
    },
    not: sought.not,
    folders: [journal.folder, ...options.folders],
    files: files.files,
    bytes: files.bytes,
    notSearched: files.notSearched,
    server: !clickhouse.embedded,
    backups: listBackupsOf(journal, files, options.backups),
  };
  const { first: event } = await journal.accept(() => ({
    events: [certificateEvent(certificate, options)],
    state: [],
  }));
  return { ...certificate, event };
}

async function searchDisk(
  journal: Journal,
  clickhouse: ClickHouse,
  { keys, sought, isKnown }: Settled,
  { folders }: CertificateOptions,
): Promise<FileSearchResult> {
  // A file written anew has no free pages; where the keys are not known, it is the only proof that there are none.
  await journal.workOnErasure({ kind: isKnown ? 'checkpoint' : 'vacuum' });
  const places = { data: journal.folder, folders, log: journal.log, keys, embedded: clickhouse.embedded };
  const files = await searchFiles(places, sought);
  if (!files.found.some((file) => /metatrail\.sqlite(-wal)?$/.test(file))) return files;
  await journal.workOnErasure({ kind: 'vacuum' });
  return searchFiles(places, sought);
}

/** Those that were made of the data folder before, those that were found beside it, and those that were told. */
function listBackupsOf(journal: Journal, files: FileSearchResult, told: readonly Backup[]): Backup[] {
  const known = listBackups(journal);
  const others = files.backups.filter((found) => !known.some(({ folder }) => folder === found.folder));
  return [
    ...[...known, ...others].map(({ folder, madeAt }) => ({ name: `${folder}, made ${formatIso(madeAt)}` })),
    ...told,
  ];
}

async function searchTables(clickhouse: ClickHouse, { keys, sought }: Settled): Promise<string[]> {
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
    ...(await searchClickHouse(clickhouse, sought)),
  ];
}

/** So many files that could not be searched are named in the event; the certificate names all. */
const MOST_NAMED = 100;

function certificateEvent(certificate: Omit<Certificate, 'event'>, { who, by }: CertificateOptions): ProposedEvent {
  const { erasure, issuedAt, searched, not, files, bytes, notSearched, server, backups } = certificate;
  const value = (attribute: string, type: EventValue['type'], text: string | number | boolean): EventValue => ({
    attribute,
    type,
    operation: 'add',
    new: String(text),
    marks: 0,
  });
  const count = (attribute: string, number: number) => value(attribute, 'integer', number);
  return {
    occurredAt: issuedAt,
    occurredAtKnown: 'observed',
    stage: 'erasure',
    operation: 'none',
    outcome: 'erasure-certified',
    values: [
      count('keys', certificate.keys),
      ...(searched.values === undefined ? [] : [count('searched/values', searched.values)]),
      count('searched/names', searched.names),
      count('searched/keys', searched.keys),
      count('not-searched/shared', not.shared),
      count('not-searched/short', not.short),
      count('not-searched-in-files/unmarked', not.unmarked),
      count('not-searched-in-files/common', not.common),
      count('searched/files', files),
      count('searched/bytes', bytes),
      count('not-searched/files', notSearched.length),
      ...notSearched.slice(0, MOST_NAMED).map((file) => value('not-searched/file', 'string', file)),
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
