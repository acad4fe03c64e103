// Text in lines of a width: broken after spaces and commas, else after the signs that names and DNs are made of, else
// anywhere; and cut, saying so, when there are too many lines.
import { type Glyphs, makeVisible } from './visible-text.ts';

/** A font, to ask what it has and how wide a text is. */
export interface Face extends Glyphs {
  /** In points. */
  width(text: string, size: number): number;
}

type Measure = (text: string) => number;

const BREAKS = [/(?<=[ ,;])(?!\p{M})/u, /(?<=[=/\\@._:|⟩-])(?!\p{M})/u];
const CHARACTERS = /.\p{M}*/gsu;
/** Rounding must not break a text that was measured to fit. */
const SLACK = 0.01;
/** No line takes more characters, so the rest of a longer text need not be looked at. */
const MAX_LINE_LENGTH = 300;

/**
 * Any text, made visible, in at most `maxLines` lines of at most `width` points, a space at their end apart. One that is cut ends with "…" and, where
 * there is room, with the number of characters it has.
 */
export function fitText(text: string, face: Face, size: number, width: number, maxLines: number): string[] {
  const measure: Measure = (part) => face.width(part, size);
  const most = maxLines * MAX_LINE_LENGTH;
  const visible = makeVisible(text.length > most ? text.slice(0, most) : text, face);
  if (text.length <= most && fits(visible, measure, width)) return [visible];
  const lines = fillLines(splitAtoms(visible, 0, measure, width), measure, width, maxLines);
  if (text.length <= most && lines.length <= maxLines) return lines;
  return cutLines(lines.slice(0, maxLines), countCharacters(text), measure, width);
}

function fits(text: string, measure: Measure, width: number): boolean {
  return text.length <= MAX_LINE_LENGTH && measure(text) <= width + SLACK;
}

function splitAtoms(text: string, level: number, measure: Measure, width: number): string[] {
  if (fits(text.trimEnd(), measure, width)) return [text];
  const pattern = BREAKS[level];
  if (pattern === undefined) return text.match(CHARACTERS) ?? [];
  return text.split(pattern).flatMap((part) => splitAtoms(part, level + 1, measure, width));
}

/** Stops one line after the last that is wanted: enough to know that there are more. */
function fillLines(atoms: readonly string[], measure: Measure, width: number, maxLines: number): string[] {
  const lines: string[] = [];
  let line = '';
  let used = 0;
  for (const atom of atoms) {
    if (line !== '' && used + measure(atom.trimEnd()) > width + SLACK) {
      lines.push(endLine(line));
      if (lines.length > maxLines) return lines;
      line = '';
      used = 0;
    }
    line += atom;
    used += measure(atom);
  }
  lines.push(line.trimEnd());
  return lines;
}

/** The space where a line is broken stays at its end, so that a reader by ear does not hear two words as one. */
function endLine(line: string): string {
  const bare = line.trimEnd();
  return bare === line ? line : `${bare} `;
}

function cutLines(lines: readonly string[], length: number, measure: Measure, width: number): string[] {
  const saying = ` … (${length.toLocaleString('en-US')} characters)`;
  const suffix = measure(saying) <= width ? saying : '…';
  const characters = (lines.at(-1) ?? '').trimEnd().match(CHARACTERS) ?? [];
  while (characters.length > 0 && measure(characters.join('') + suffix) > width) characters.pop();
  return [...lines.slice(0, -1), characters.join('') + suffix];
}

function countCharacters(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
