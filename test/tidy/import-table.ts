// Who may import whom. Data takes one way, from the engine to what people see, and so do imports.
import { isCode, isTestFile, type Project } from './project.ts';
import { listReferences, parseSource, resolveReference } from './source.ts';

/** The longest name that fits a path is its part. A part may always import itself. */
export const IMPORT_TABLE: Readonly<Record<string, readonly string[]>> = {
  ingest: [],
  // Checks the log from outside, so it shares no code with what wrote it, and what wrote it none with this.
  'ingest/verify': [],
  engine: ['ingest'],
  'api/queries': ['ingest'],
  reports: ['api/queries', 'ingest'],
  api: ['api/queries', 'engine', 'ingest', 'ingest/verify', 'reports'],
  // Over HTTP only.
  dashboards: [],
  test: ['api', 'api/queries', 'dashboards', 'engine', 'ingest', 'ingest/verify', 'reports'],
};

/** The part a path belongs to, or undefined for files beside package.json. */
export function findPart(path: string): string | undefined {
  const parts = Object.keys(IMPORT_TABLE).filter((part) => path.startsWith(`${part}/`));
  return parts.sort((a, b) => b.length - a.length)[0];
}

export function checkImportTable(project: Project): string[] {
  return [...project.files].filter(([path]) => isCode(path)).flatMap(([path, text]) => checkFile(project, path, text));
}

function checkFile(project: Project, path: string, text: string): string[] {
  const part = findPart(path);
  if (part === undefined) return [];
  return listReferences(parseSource(path, text)).flatMap(({ specifier, line, kind }) => {
    if (/^(#|\/|metatrail\/)/.test(specifier) && kind === 'import' && part !== 'dashboards')
      return [`${path}:${line} imports ${specifier}: our own files are imported by their relative path`];
    const target = resolveReference(path, specifier, (candidate) => project.files.has(candidate));
    // A path to a folder or to a configuration file is handed to a tool, it brings no code in.
    if (target === undefined || (kind === 'file' && !/(?<!\.config)\.tsx?$/.test(target))) return [];
    const targetPart = findPart(target);
    if (targetPart === undefined || targetPart === part || listAllowed(path, part).includes(targetPart)) return [];
    return [
      `${path}:${line} imports ${target}: ${part} may import ${IMPORT_TABLE[part]?.join(', ') || 'nothing of ours'}`,
    ];
  });
}

/** A folder's own tests may use what serves all tests; those of the verifier may make the log that it verifies. */
function listAllowed(path: string, part: string): readonly string[] {
  const allowed = IMPORT_TABLE[part] ?? [];
  if (!isTestFile(path)) return allowed;
  return [
    ...allowed,
    'test',
    ...(part === 'ingest/verify' ? ['ingest'] : []),
    ...(part === 'ingest' ? ['ingest/verify'] : []),
  ];
}
