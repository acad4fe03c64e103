// Ways around the compiler that nobody takes: `any`, and comments that silence an error.
import { isCode, type Project } from './project.ts';
import { findLine, parseSource, walk } from './source.ts';

export function checkEscapes(project: Project): string[] {
  return [...project.files].filter(([path]) => isCode(path)).flatMap(([path, text]) => checkFile(path, text));
}

function checkFile(path: string, text: string): string[] {
  const source = parseSource(path, text);
  const found: string[] = [];
  walk(source.parsed.program, (node, parent) => {
    if (node.type !== 'TSAnyKeyword') return;
    const how = parent?.type === 'TSAsExpression' ? 'as any' : 'any';
    found.push(`${path}:${findLine(source, node.start)} says ${how}: use unknown and parse it`);
  });
  for (const comment of source.parsed.comments) {
    const word = /@ts-(ignore|expect-error|nocheck)/.exec(comment.value)?.[0];
    if (word !== undefined) found.push(`${path}:${findLine(source, comment.start)} has ${word}: make the types true`);
  }
  return found;
}
