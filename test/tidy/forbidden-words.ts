// The text of the project speaks of the project alone, not of the places and tools with which it was written.
import type { Project } from './project.ts';

/** Patterns, each written so that it does not find itself. */
export const FORBIDDEN: readonly { pattern: RegExp; allowedIn: readonly string[] }[] = [
  { pattern: /\/wor[k]\//, allowedIn: [] },
  // The pipeline finds the real test data beside the repository.
  { pattern: /shared\/dat[a]/, allowedIn: ['.ci/run'] },
  { pattern: /helpe[r]-/i, allowedIn: [] },
  { pattern: /sessio[n] ends/i, allowedIn: [] },
  { pattern: /bash_job[s]/, allowedIn: [] },
  { pattern: /\b(claud[e]|anthropi[c]|subagen[t])/i, allowedIn: [] },
];

export function checkForbiddenWords(project: Project): string[] {
  return [...project.files].flatMap(([path, text]) =>
    text
      .split('\n')
      .flatMap((line, index) =>
        FORBIDDEN.filter(({ pattern, allowedIn }) => pattern.test(line) && !allowedIn.includes(path)).map(
          ({ pattern }) => `${path}:${index + 1} says "${pattern.exec(line)?.[0]}": speak of the project alone`,
        ),
      ),
  );
}
