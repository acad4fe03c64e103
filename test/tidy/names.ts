// Names of folders, files and exports. A name that could stand for anything says nothing.
import { basename } from 'node:path';
import { isCode, type Project } from './project.ts';
import { listExports, parseSource } from './source.ts';

/** The folders of the house, and what may lie beside them. Folders that begin with a dot may, too. */
export const TOP_FOLDERS: readonly string[] = [
  'ingest',
  'engine',
  'api',
  'dashboards',
  'reports',
  'test',
  'node_modules',
  'data',
];

export const BANNED_NAMES: readonly string[] = ['utils', 'util', 'helpers', 'helper', 'common', 'manager', 'index'];

/** Words of other products that have one of ours; each word of an exported name counts. */
export const BANNED_WORDS: Readonly<Record<string, string>> = {
  shadow: 'entry',
  'golden record': 'object',
  patch: 'change',
};

const KEBAB_CASE = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*$/;

export function checkTopFolders(project: Project): string[] {
  return project.folders
    .filter((folder) => !folder.startsWith('.') && !TOP_FOLDERS.includes(folder))
    .map((folder) => `${folder}/ is not a folder of the house: ${TOP_FOLDERS.slice(0, 6).join(', ')}`);
}

export function checkFileNames(project: Project): string[] {
  return [...project.files.keys()].filter(isCode).flatMap((path) => {
    const segments = path.replace(/\.tsx?$/, '').split('/');
    const banned = segments.find((segment) => BANNED_NAMES.includes(segment.split('.')[0] ?? ''));
    if (banned !== undefined) return [`${path}: ${banned} says nothing; name it after the one idea in it`];
    const name = basename(path).replace(/\.tsx?$/, '');
    return KEBAB_CASE.test(name) ? [] : [`${path}: file names are in kebab-case`];
  });
}

export function checkExportNames(project: Project): string[] {
  return [...project.files]
    .filter(([path]) => isCode(path))
    .flatMap(([path, text]) => {
      return listExports(parseSource(path, text)).flatMap(({ name, line }) => {
        if (name === 'default')
          // Vite and its like look for a default export in their configuration files.
          return /\.config\.ts$/.test(path) ? [] : [`${path}:${line} has a default export: give it a name`];
        const banned = Object.keys(BANNED_WORDS).find((word) => ` ${splitWords(name)} `.includes(` ${word} `));
        return banned === undefined
          ? []
          : [`${path}:${line} exports ${name}: for ${banned} we say ${BANNED_WORDS[banned]}`];
      });
    });
}

/** 'goldenRecord', 'GoldenRecord' and 'GOLDEN_RECORD' are 'golden record'. */
function splitWords(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll(/[_-]+/g, ' ')
    .toLowerCase();
}
