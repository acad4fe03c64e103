// Files of settings that the environment names, and what they have in common: each fault is told with its line, and a secret stands
// in a file of its own that is never quoted.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { ConfigurationError, type Fault, type ParsedDocument, parseYaml } from '../engine/configuration/document.ts';
import { faultsOf, inOrder } from '../engine/configuration/load.ts';
import { STAGES, UUID, WORD } from '../ingest/event.ts';
import { readSecret } from './outgoing/signed-post.ts';

const text = z.string().min(1).max(1000);

/** Which changes: as the filter of `changes` in the schema. */
export const filterShape = z.strictObject({
  object: z
    .string()
    .regex(UUID, 'the id of an object in small letters, such as 01a206d8-0520-7005-ab4b-be69c1b2da2c')
    .optional(),
  attribute: text.optional(),
  value: text.optional(),
  agent: text.optional(),
  initiator: text.optional(),
  rule: text.optional(),
  stages: z.array(z.enum(STAGES)).min(1).optional(),
  outcomes: z.array(z.string().regex(WORD, 'an outcome such as export-update')).min(1).optional(),
  outOfBand: z.boolean().optional(),
});

/** What alerts, destinations and feeds are called. */
export const nameShape = z.string().regex(WORD, 'a word of small letters, digits and dashes').max(80);

export const lookerShape = z.enum(['auditor', 'investigator']).default('auditor');

export class SettingsFile {
  readonly #file: string;
  readonly #document: ParsedDocument;
  readonly #faults: Fault[] = [];

  private constructor(file: string, document: ParsedDocument) {
    this.#file = file;
    this.#document = document;
  }

  /** `variable`: the one of the environment that names the file. Throws ConfigurationError with every fault of its form. */
  static read<T>(file: string, variable: string, shape: z.ZodType<T>): { settings: SettingsFile; data: T } {
    const document = parseYaml(readWhole(file, variable), file);
    const checked = shape.safeParse(document.value);
    if (!checked.success)
      throw new ConfigurationError(file, inOrder(checked.error.issues.flatMap((issue) => faultsOf(issue, document))));
    return { settings: new SettingsFile(file, document), data: checked.data };
  }

  fault(place: readonly (string | number)[], message: string): void {
    const names = place.filter((each) => typeof each === 'string');
    this.#faults.push({ ...this.#document.placeOf([...place]), message: `${message} (${names.join('.')})` });
  }

  /** The content of a file that is named at this place, beside the file of settings; undefined: it cannot be read, which is a fault. */
  readBeside(place: readonly string[], name: string, what: string): string | undefined {
    try {
      return readFileSync(path.resolve(path.dirname(path.resolve(this.#file)), name), 'utf8');
    } catch (error) {
      this.fault(place, `${place.at(-1)} cannot be read (${codeOf(error)}); it holds ${what}`);
      return undefined;
    }
  }

  /** The key that a file at this place holds the secret of; undefined: there is none, which is a fault. */
  readKey(place: readonly string[], name: string): Buffer | undefined {
    const secret = this.readBeside(place, name, 'the secret that messages are signed with');
    if (secret === undefined) return undefined;
    const key = readSecret(secret.trim());
    if (!key) this.fault(place, `${place.at(-1)} holds no secret, which is whsec_ and 24 to 64 bytes in base64`);
    return key;
  }

  /** Throws ConfigurationError with every fault that was noted. */
  check(): void {
    if (this.#faults.length > 0) throw new ConfigurationError(this.#file, inOrder(this.#faults));
  }
}

function readWhole(file: string, variable: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const message = `the file of ${variable} cannot be read (${codeOf(error)}); name the right one`;
    throw new ConfigurationError(file, [{ line: 1, column: 1, message }]);
  }
}

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : 'unknown');
