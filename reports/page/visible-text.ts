// Any text becomes text that can be seen: nothing is dropped, nothing reorders its neighbours or leaves its line. Two
// values that differ look different, also when their characters have no glyph or no shape (spaces at an end apart).

export interface Glyphs {
  has(codePoint: number): boolean;
}

/** Printable Latin text, by far the most: as it is. */
const SIMPLE = /^[\x20-\x7e\u00a1-\u00ac\u00ae-\u024f]*$/;
/** Without a shape of their own, or a space that looks like another. */
const INVISIBLE = /^[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]$/u;
const MARK = /^\p{M}$/u;
/** More accents than that on one letter leave the line. */
const MAX_MARKS = 2;

/** Characters that the font lacks, invisible ones and control characters become ⟨U+200F⟩. */
export function makeVisible(text: string, glyphs: Glyphs): string {
  if (SIMPLE.test(text)) return text;
  let visible = '';
  let marks = MAX_MARKS;
  for (const character of text) {
    const codePoint = character.codePointAt(0) ?? 0;
    const isMark = MARK.test(character);
    if (isMark) marks += 1;
    const hasShape = codePoint === 0x20 || (!INVISIBLE.test(character) && glyphs.has(codePoint));
    const isShown = hasShape && !(isMark && marks > MAX_MARKS);
    visible += isShown ? character : nameCharacter(codePoint, glyphs);
    // A space, or the name of a character, carries no accents.
    if (!isMark) marks = isShown && codePoint !== 0x20 ? 0 : MAX_MARKS;
  }
  return visible;
}

function nameCharacter(codePoint: number, glyphs: Glyphs): string {
  const name = `U+${codePoint.toString(16).toUpperCase().padStart(4, '0')}`;
  return glyphs.has(0x27e8) && glyphs.has(0x27e9) ? `⟨${name}⟩` : `<${name}>`;
}
