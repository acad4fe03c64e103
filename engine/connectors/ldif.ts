// A management agent for an LDIF file that is the directory: read whole at each import, written whole at each export.
// README.md of this folder holds the settings; ldif-import.ts, ldif-changes.ts and replace-file.ts do the work.
import { constants } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { access } from 'node:fs/promises';
import { z } from 'zod';
import { type Connector, ConnectorError, type ConnectorObjectType } from '../connector.ts';
import { readInputFile } from './input-file.ts';
import { readUtf8 } from './input-text.ts';
import { applyChange } from './ldif-changes.ts';
import { LdifDirectory } from './ldif-directory.ts';
import { type LdifRecord, LdifSyntaxError, parseLdif, writeLdif } from './ldif-format.ts';
import { importRecords } from './ldif-import.ts';
import { type LdifSchema, readSchema } from './ldif-schema.ts';
import { replaceFile } from './replace-file.ts';

export const ldifSettingsSchema = z.strictObject({
  file: z.string().min(1).describe('The LDIF file that is the directory'),
  initial: z
    .string()
    .optional()
    .describe('LDIF text that the file is made of before the first run, where it is missing'),
});

export type LdifSettings = z.output<typeof ldifSettingsSchema>;

/** `newUuid` names entries added; given only where a run must be repeatable. Throws Error for types LDIF cannot hold. */
export function createLdifConnector(
  settings: LdifSettings,
  objectTypes: ReadonlyMap<string, ConnectorObjectType>,
  newUuid: () => string = randomUUID,
): Connector {
  const schema = readSchema(objectTypes);
  const { file } = settings;
  return {
    kind: 'ldif',
    canExport: true,
    async initialise() {
      if (settings.initial === undefined || (await isThere(file))) return;
      // Written as it was given, with its comments, once it is known to be good.
      parseText(Buffer.from(settings.initial), 'the setting "initial"', schema);
      await replaceFile(file, settings.initial, undefined);
    },
    async readFullImage() {
      const { input, bytes } = await readInputFile(file);
      return { input, ...importRecords(parseText(bytes, input.name, schema), schema, input.name) };
    },
    async export(changes) {
      const content = await readInputFile(file);
      const directory = new LdifDirectory(schema, parseText(content.bytes, content.input.name, schema));
      const results = changes.map((change) => applyChange(directory, change, newUuid));
      if (directory.isChanged) await replaceFile(file, writeLdif(directory.records()), content);
      return results;
    },
  };
}

function parseText(bytes: Buffer, file: string, schema: LdifSchema): LdifRecord[] {
  if (bytes.length > constants.MAX_STRING_LENGTH) {
    throw new ConnectorError(
      'stopped-import-read',
      `${file} has ${bytes.length} bytes, more than the ${constants.MAX_STRING_LENGTH} that an LDIF file may have: use a connector to the directory itself.`,
    );
  }
  const text = readUtf8(bytes, 'utf-8', file).toString();
  try {
    return parseLdif(text, schema.isBinary);
  } catch (error) {
    if (!(error instanceof LdifSyntaxError)) throw error;
    throw new ConnectorError('stopped-parsing-errors', `${file}, ${error.message}.`, { cause: error });
  }
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
