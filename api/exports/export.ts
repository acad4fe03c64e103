// One export under way: the file as a stream that nobody is told of before the log says that it was asked for, and its manifest
// at the end. Its last bytes leave after the event that says how many rows and which SHA-256 it has, so a whole file is always
// one that the log knows.
import { createHash, randomUUID } from 'node:crypto';
import { formatIso, systemClock } from '../../ingest/clock.ts';
import { checkMayAsk } from '../access/questions.ts';
import type { RequestContext } from '../graphql/context.ts';
import { describeSight } from '../queries/sight.ts';
import { type AskedExport, recordAsked, recordEnded, recordRefused } from '../reads/export-read.ts';
import { VERSION } from '../version.ts';
import type { Format } from './formats/format.ts';
import type { ExportList, OpenedList } from './list.ts';
import type { Manifest } from './manifest.ts';
import { countRows, type Entry, headingsOf, type Pages } from './table.ts';

export interface ExportOrder {
  list: ExportList;
  format: Format;
  /** As they were given, by name. */
  given: Readonly<Record<string, string>>;
}

/**
 * Begins an export: it is allowed, understood, its first page is there, and it is accepted that it was asked for. Throws
 * ForbiddenError, ExportParameterError, what the question throws and, when it cannot be recorded, UnrecordedReadError.
 */
export async function startExport(context: RequestContext, { list, format, given }: ExportOrder): Promise<Export> {
  const asked: AskedExport = {
    id: randomUUID(),
    list: list.name,
    format: format.name,
    parameters: [],
    watermark: context.queries.watermark,
  };
  let started: Export;
  try {
    checkMayAsk(context.access, list.question);
    const { parameters, open } = list.ask(given);
    asked.parameters = parameters;
    const opened = open(context);
    Object.assign(asked, { object: opened.object, watermark: opened.watermark });
    const pages = opened.pages[Symbol.asyncIterator]();
    const first = await pages.next();
    started = new Export(context, asked, { list, format, opened, pages: continued(first, pages) });
  } catch (error) {
    await recordRefused(context, asked, error);
    throw error;
  }
  await recordAsked(context, asked);
  return started;
}

async function* continued(
  first: IteratorResult<readonly Entry[], unknown>,
  pages: AsyncIterator<readonly Entry[]>,
): AsyncGenerator<readonly Entry[]> {
  for (let page = first; !page.done; page = await pages.next()) yield page.value;
}

interface Parts {
  list: ExportList;
  format: Format;
  opened: OpenedList;
  pages: Pages;
}

export class Export {
  readonly id: string;
  readonly fileName: string;
  readonly mediaType: string;
  /** Undefined while it goes on. */
  manifest: Manifest | undefined;
  readonly #context: RequestContext;
  readonly #asked: AskedExport;
  readonly #parts: Parts;
  readonly #startedAt = systemClock();
  #entries = 0;
  #rows = 0;
  #first: number | undefined;
  #last: number | undefined;

  constructor(context: RequestContext, asked: AskedExport, parts: Parts) {
    this.#context = context;
    this.#asked = asked;
    this.#parts = parts;
    this.id = asked.id;
    const at = formatIso(this.#startedAt).slice(0, 19).replaceAll(/[-:]/g, '');
    this.fileName = `${parts.list.name}-${at}Z.${parts.format.extension}`;
    this.mediaType = parts.format.mediaType;
  }

  /**
   * The file. What comes next is made when it is taken; whoever stops taking calls `end`. Throws what the question throws, and
   * UnrecordedReadError; where it breaks off, what was given is no whole file of its format.
   */
  async *bytes(): AsyncGenerator<Uint8Array, void, undefined> {
    const { list, format } = this.#parts;
    const hash = createHash('sha256');
    let bytes = 0;
    let held: Uint8Array | undefined;
    try {
      for await (const chunk of format.encode(list.shape, this.#counted(), list.name)) {
        hash.update(chunk);
        bytes += chunk.length;
        if (held) yield held;
        held = chunk;
      }
      await this.#end({ bytes, sha256: hash.digest('hex') });
    } catch (error) {
      if (format.cutOff !== undefined) yield Buffer.from(format.cutOff);
      throw error;
    }
    if (held) yield held;
  }

  /** Ends it where it is; one that is whole already stays so. Throws UnrecordedReadError. */
  async end(why: string): Promise<Manifest> {
    return this.manifest ?? this.#end(undefined, why);
  }

  async *#counted(): Pages & AsyncGenerator<readonly Entry[]> {
    for await (const entries of this.#parts.pages) {
      for (const entry of entries) {
        this.#entries += 1;
        this.#rows += countRows(entry);
        this.#note(entry.sequence);
      }
      yield entries;
    }
  }

  #note(sequence: number | undefined): void {
    if (sequence === undefined) return;
    this.#first = Math.min(this.#first ?? sequence, sequence);
    this.#last = Math.max(this.#last ?? sequence, sequence);
  }

  async #end(file: { bytes: number; sha256: string } | undefined, why?: string): Promise<Manifest> {
    const manifest = await this.#describe(file, why);
    await recordEnded(this.#context, this.#asked, { rows: this.#rows, file });
    this.manifest = manifest;
    return manifest;
  }

  async #describe(file: { bytes: number; sha256: string } | undefined, why?: string): Promise<Manifest> {
    const { list, format, opened } = this.#parts;
    const { viewer, access, queries } = this.#context;
    const { parameters, watermark } = this.#asked;
    const given = parameters.map(({ name, text, withheld }) => [name, withheld ? '(withheld)' : text]);
    const checkpoint = await this.#checkpoint();
    const gone = opened.gone();
    return {
      export: this.id,
      log: queries.log,
      query: { list: list.name, parameters: Object.fromEntries(given), order: list.order },
      asked_by: viewer,
      ...(access.reason !== undefined && { reason: access.reason }),
      started_at: formatIso(this.#startedAt),
      ended_at: formatIso(systemClock()),
      watermark,
      complete: file !== undefined,
      ...(why !== undefined && { cut_off: why }),
      entries: this.#entries,
      rows: this.#rows,
      ...(this.#first !== undefined && { first_sequence: this.#first, last_sequence: this.#last }),
      ...(checkpoint && { checkpoint }),
      ...describeSight(queries.sight),
      ...(gone !== undefined && { gone }),
      file: {
        name: this.fileName,
        format: format.name,
        media_type: format.mediaType,
        columns: headingsOf(list.shape).map(({ name, type }) => ({ name, type })),
        reading: format.reading,
        ...file,
      },
      program: `metatrail ${VERSION}`,
    };
  }

  /** The newest one if it covers what was told, else one made now; without any where none can be signed. */
  async #checkpoint(): Promise<{ size: number; note: string } | undefined> {
    const { checkpoints } = this.#context.log;
    const newest = checkpoints.newest();
    const { size, note } = newest && newest.size >= this.#asked.watermark ? newest : await checkpoints.current();
    return { size, note };
  }
}
