// Which configuration a data folder runs: the one named now, else the one it ran last, else the demonstration company.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { loadConfiguration } from '../engine/configuration/load.ts';
import type { Configuration } from '../engine/configuration/model.ts';

/** The configuration of the demonstration company. */
const DEMONSTRATION_FILE = fileURLToPath(new URL('../engine/demonstration/company.yaml', import.meta.url));

const CHOICE_FILE = 'configuration.json';

const choiceSchema = z.object({ file: z.string(), variables: z.record(z.string(), z.string()) });

export interface ConfigurationChoice {
  file: string;
  /** What {name} stands for in the file's paths; {data} is always the data folder. */
  variables: Record<string, string>;
}

/** There is no configuration where one was named, or no data where some should be. */
export class ChoiceError extends Error {
  override name = 'ChoiceError';
}

export function chooseConfiguration(
  dataFolder: string,
  named: string | undefined,
  variables: Record<string, string>,
): ConfigurationChoice {
  if (named !== undefined) return { file: path.resolve(named), variables };
  const remembered = path.join(dataFolder, CHOICE_FILE);
  if (existsSync(remembered)) {
    const read = choiceSchema.safeParse(parseJson(readFileSync(remembered, 'utf8')));
    if (!read.success) throw new ChoiceError(`${remembered} cannot be read; name the configuration with --config.`);
    return { file: read.data.file, variables: { ...read.data.variables, ...variables } };
  }
  return { file: DEMONSTRATION_FILE, variables };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function isDemonstration(choice: ConfigurationChoice): boolean {
  return choice.file === DEMONSTRATION_FILE;
}

/** Reads and checks the chosen configuration. Throws ChoiceError or ConfigurationError. */
export function readConfiguration(choice: ConfigurationChoice, dataFolder: string): Configuration {
  let text: string;
  try {
    text = readFileSync(choice.file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new ChoiceError(
      `The configuration ${choice.file} cannot be read (${reason}); name the right file with --config or METATRAIL_CONFIG.`,
    );
  }
  return loadConfiguration(text, { file: choice.file, variables: { ...choice.variables, data: dataFolder } });
}

/** Remembers the choice in the data folder, for commands that do not name one. */
export function rememberChoice(choice: ConfigurationChoice, dataFolder: string): void {
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  writeFileSync(path.join(dataFolder, CHOICE_FILE), `${JSON.stringify(choice, null, 2)}\n`, { mode: 0o600 });
}
