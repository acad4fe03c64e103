// A management agent for CSV files: one file that is read at each import, or a drop folder of dated full images.
// README.md of this folder holds the settings; csv-images.ts, csv-table.ts and csv-objects.ts do the work.
import { join } from 'node:path';
import { z } from 'zod';
import type { Connector, ConnectorObjectType, FullImage } from '../connector.ts';
import { findNextImage, listImages } from './csv-images.ts';
import { planDerived, readObjects } from './csv-objects.ts';
import { readTable } from './csv-table.ts';
import { readInputFile } from './input-file.ts';
import { readUtf8 } from './input-text.ts';

const DEFAULT_PATTERN = '*.csv';

export const csvSettingsSchema = z
  .strictObject({
    folder: z.string().min(1).optional().describe('Drop folder of full images, each with its date in its name'),
    file: z.string().min(1).optional().describe('One file, read whole at each import'),
    pattern: z
      .string()
      .min(1)
      .refine((pattern) => !pattern.includes('/'), 'names files of the folder itself, so it has no "/"')
      .optional()
      .describe(
        `Which files of the folder are images; * and ? stand for any characters and one, default ${DEFAULT_PATTERN}`,
      ),
    encoding: z
      .string()
      .refine(isEncoding, 'is not an encoding of the WHATWG Encoding standard, such as utf-8, windows-1252 or utf-16le')
      .default('utf-8')
      .describe('Encoding of the files'),
    delimiter: z
      .string()
      .min(1)
      .refine((delimiter) => !/[\r\n]/.test(delimiter), 'ends fields, not lines')
      .default(',')
      .describe('What stands between two fields'),
    quote: z
      .string()
      .max(1)
      .refine((quote) => !/[\r\n]/.test(quote), 'is one character, or nothing')
      .default('"')
      .describe('What stands around a field that holds a delimiter or line break; nothing: no field is quoted'),
    initiator: z.string().min(1).optional().describe('Column that says who last changed the row'),
  })
  .refine(
    (settings) => (settings.folder === undefined) !== (settings.file === undefined),
    'needs either folder or file',
  )
  .refine((settings) => settings.pattern === undefined || settings.folder !== undefined, {
    path: ['pattern'],
    message: 'belongs to folder',
  })
  .refine((settings) => settings.quote !== settings.delimiter, { path: ['quote'], message: 'is also the delimiter' });

export type CsvSettings = z.output<typeof csvSettingsSchema>;

/** Throws Error when a derived type is derived from nothing that is read. */
export function createCsvConnector(
  settings: CsvSettings,
  objectTypes: ReadonlyMap<string, ConnectorObjectType>,
): Connector {
  const types = [...objectTypes.values()];
  for (const type of types) planDerived(type, objectTypes);
  return {
    kind: 'csv',
    canExport: false,
    async nextImageDate(after) {
      if (settings.file !== undefined) return undefined;
      const { folder = '', pattern = DEFAULT_PATTERN } = settings;
      return findNextImage(await listImages(folder, pattern), after)?.date;
    },
    async readFullImage(after) {
      if (settings.file !== undefined) return readImage(settings.file, settings, types);
      const { folder = '', pattern = DEFAULT_PATTERN } = settings;
      const image = findNextImage(await listImages(folder, pattern), after);
      if (image === undefined) return undefined;
      return { ...(await readImage(join(folder, image.name), settings, types)), date: image.date };
    },
  };
}

async function readImage(
  path: string,
  settings: CsvSettings,
  types: readonly ConnectorObjectType[],
): Promise<FullImage> {
  const { input, bytes } = await readInputFile(path);
  const table = readTable(readUtf8(bytes, settings.encoding, input.name), input.name, settings);
  return { input, ...readObjects(table, types, settings.initiator) };
}

function isEncoding(label: string): boolean {
  try {
    return new TextDecoder(label, { fatal: true }).fatal;
  } catch {
    return false;
  }
}
