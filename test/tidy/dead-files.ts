// Every file is reached from something that is started: the service, the feed, the web application, a worker or a test.
import { z } from 'zod';
import { isCode, isTestFile, type Project } from './project.ts';
import { listReferences, parseSource, resolveReference } from './source.ts';

/** What is started by name. The files of these folders are looked at once their entry exists. */
const ENTRIES: readonly { entry: string; folders: RegExp }[] = [
  { entry: 'api/metatrail.ts', folders: /^(ingest|engine|api|reports)\// },
  { entry: 'dashboards/main.tsx', folders: /^dashboards\// },
];
const OTHER_ENTRIES: readonly string[] = ['api/feed.ts', 'test/run.ts'];

const packageSchema = z.object({
  bin: z.union([z.string(), z.record(z.string(), z.string())]).optional(),
  scripts: z.record(z.string(), z.string()).optional(),
});

export function checkDeadFiles(project: Project): string[] {
  const reached = collectReached(project, listEntries(project));
  const folders = ENTRIES.filter(({ entry }) => project.files.has(entry)).map((entry) => entry.folders);
  return [...project.files.keys()]
    .filter((path) => isCode(path) && !path.endsWith('.d.ts') && folders.some((folder) => folder.test(path)))
    .filter((path) => !reached.has(path))
    .map((path) => `${path} is dead: nothing that is started or tested imports it`);
}

function listEntries(project: Project): string[] {
  const { bin = {}, scripts = {} } = packageSchema.parse(JSON.parse(project.files.get('package.json') ?? '{}'));
  const programs = typeof bin === 'string' ? [bin] : Object.values(bin);
  const started = Object.values(scripts).flatMap((script) => script.match(/[\w./-]+\.ts\b/g) ?? []);
  const known = [...programs, ...started].map((path) => path.replace(/^\.\//, ''));
  const byPattern = [...project.files.keys()].filter((path) => isTestFile(path) || /\.config\.ts$/.test(path));
  return [...ENTRIES.map(({ entry }) => entry), ...OTHER_ENTRIES, ...known, ...byPattern];
}

function collectReached(project: Project, entries: readonly string[]): Set<string> {
  const reached = new Set<string>();
  const waiting = [...entries];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const text = project.files.get(path);
    if (text === undefined || reached.has(path)) continue;
    reached.add(path);
    if (isCode(path)) waiting.push(...listTargets(project, path, text));
  }
  return reached;
}

function listTargets(project: Project, path: string, text: string): string[] {
  return listReferences(parseSource(path, text)).flatMap(({ specifier, kind }) => {
    // `join(import.meta.dirname, 'x.ts')` names a file beside this one without the dot.
    const relative = kind === 'file' && !specifier.startsWith('.') ? `./${specifier}` : specifier;
    return resolveReference(path, relative, (candidate) => project.files.has(candidate)) ?? [];
  });
}
