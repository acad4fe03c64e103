// What the tidy rules look at: every text file of the repository by its path, whether read from disk or made up by a test.
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, posix } from 'node:path';

export interface Project {
  /** Names of the folders beside package.json, the empty ones too. */
  folders: readonly string[];
  /** Path from the repository's root, with slashes, to the file's text. */
  files: ReadonlyMap<string, string>;
}

/** A rule returns one sentence for each breach, with path and line where there is one; empty: the rule holds. */
export type Rule = (project: Project) => string[];

/** Files that a program writes. Nothing here is held to the rules for files that people write and read. */
export const GENERATED_FILES: readonly string[] = ['dashboards/graphql-env.d.ts', 'dashboards/graphql-cache.d.ts'];

const SKIPPED_FOLDERS = new Set(['node_modules', '.git', 'data', 'dist']);
const SKIPPED_FILES = new Set(['package-lock.json']);
const TEXT_EXTENSIONS = new Set(
  '.ts .tsx .js .mjs .css .html .json .md .sql .yaml .yml .sh .graphql .txt .csv .ldif .svg'.split(' '),
);
/** Files without an extension that are text all the same. */
const TEXT_NAMES = new Set(['LICENSE', 'run', '.gitignore', '.editorconfig']);

export function readProject(root: string): Project {
  const files = new Map<string, string>();
  const readFolder = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = posix.join(folder, entry.name);
      if (entry.isDirectory() && !SKIPPED_FOLDERS.has(entry.name)) readFolder(path);
      if (entry.isFile() && isText(entry.name)) files.set(path, readFileSync(join(root, path), 'utf8'));
    }
  };
  readFolder('');
  const folders = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return { folders: folders.map((entry) => entry.name), files };
}

/** A project that exists in a test only; its folders are those of its files. */
export function makeProject(files: Record<string, string>): Project {
  const folders = Object.keys(files).filter((path) => path.includes('/'));
  return {
    folders: [...new Set(folders.map((path) => path.slice(0, path.indexOf('/'))))],
    files: new Map(Object.entries(files)),
  };
}

/** TypeScript that people wrote. */
export function isCode(path: string): boolean {
  return /\.tsx?$/.test(path) && !GENERATED_FILES.includes(path);
}

/** Tests, and what belongs to them. */
export function isTest(path: string): boolean {
  return path.startsWith('test/') || isTestFile(path);
}

export function isTestFile(path: string): boolean {
  return /\.test\.tsx?$/.test(path);
}

function isText(name: string): boolean {
  return !SKIPPED_FILES.has(name) && (TEXT_EXTENSIONS.has(extname(name)) || TEXT_NAMES.has(name));
}
