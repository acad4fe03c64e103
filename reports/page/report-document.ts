// The PDF file itself: embedded fonts, metadata, tags. Everything that depends on how pdfkit 0.20 works inside is here.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import PDFDocument from 'pdfkit';
import type { Content, FaceName } from '../content.ts';
import { PAGE } from './style.ts';
import { makeVisible } from './visible-text.ts';
import type { Face } from './wrap.ts';

/** Which cells a heading cell of a table is about. */
export type TableScope = 'Row' | 'Column';

/** The parts of pdfkit's embedded font, and of fontkit's font inside, that are used. */
interface EmbeddedFont {
  font: {
    unitsPerEm: number;
    hasGlyphForCodePoint(codePoint: number): boolean;
    glyphForCodePoint(codePoint: number): Glyph;
  };
  layoutRun(text: string, features?: unknown): GlyphRun;
}

interface Glyph {
  id: number;
  advanceWidth: number;
  codePoints: number[];
}

/** In thousandths of the size. */
interface GlyphPosition {
  xAdvance: number;
  yAdvance: number;
  xOffset: number;
  yOffset: number;
  advanceWidth: number;
}

interface GlyphRun {
  glyphs: Glyph[];
  positions: GlyphPosition[];
  advanceWidth: number;
}

const FONT_FOLDER = join(dirname(createRequire(import.meta.url).resolve('dejavu-fonts-ttf/package.json')), 'ttf');
// Fonts go by their path: under a registered name, pdfkit 0.20 opens the default font again each time it is asked for.
const FONT_FILES: Readonly<Record<FaceName, string>> = {
  sans: join(FONT_FOLDER, 'DejaVuSans.ttf'),
  bold: join(FONT_FOLDER, 'DejaVuSans-Bold.ttf'),
  mono: join(FONT_FOLDER, 'DejaVuSansMono.ttf'),
};

/** One glyph a character, from left to right, no accents on top: set without shaping, which takes ten times as long. */
const SUMMED = /^[\x20-\x7e\u00a1-\u024f\u2010-\u2027\u27e8\u27e9]*$/;
const RIGHT_TO_LEFT = /([\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefe]+(?: +[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefe]+)*)/;

export class ReportDocument extends PDFDocument {
  /** pdfkit's own: the font in use. */
  declare private readonly _font: EmbeddedFont;
  readonly faces: Readonly<Record<FaceName, Face>>;

  constructor(content: Content) {
    super({
      size: [PAGE.width, PAGE.height],
      margin: 0,
      autoFirstPage: false,
      pdfVersion: '1.7',
      subset: 'PDF/A-2b',
      tagged: true,
      lang: 'en-GB',
      displayTitle: true,
      font: FONT_FILES.sans,
      // Each account's name would be kept laid out until the end.
      fontLayoutCache: false,
      info: {
        Title: printable(`${content.title} – ${content.scope}`),
        Author: printable(content.company),
        Subject: printable(content.description),
        Keywords: printable(content.keywords.join(', ')),
        Creator: printable(content.program),
        Producer: 'PDFKit',
        CreationDate: new Date(Math.floor(content.producedAt / 1000)),
      },
    });
    this.faces = { sans: this.#openFace('sans'), bold: this.#openFace('bold'), mono: this.#openFace('mono') };
  }

  /** pdfkit writes the XMP metadata without escaping, so that a company named "A & B" would break it. */
  _addInfo(): void {
    const { Title = '', Author = '', Subject = '', Keywords = '', Creator = '', Producer = '' } = this.info;
    const created = `${this.info.CreationDate?.toISOString().slice(0, 19)}Z`;
    const list = (tag: string, kind: string, text: string) =>
      `<dc:${tag}><rdf:${kind}><rdf:li${kind === 'Alt' ? ' xml:lang="x-default"' : ''}>${escapeXml(text)}</rdf:li></rdf:${kind}></dc:${tag}>`;
    this.appendXML(
      [
        '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/">',
        `<xmp:CreateDate>${created}</xmp:CreateDate><xmp:CreatorTool>${escapeXml(Creator)}</xmp:CreatorTool>`,
        '</rdf:Description><rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">',
        list('title', 'Alt', Title) + list('creator', 'Seq', Author) + list('description', 'Alt', Subject),
        '</rdf:Description><rdf:Description rdf:about="" xmlns:pdf="http://ns.adobe.com/pdf/1.3/">',
        `<pdf:Producer>${escapeXml(Producer)}</pdf:Producer><pdf:Keywords>${escapeXml(Keywords)}</pdf:Keywords>`,
        '</rdf:Description>',
      ].join('\n'),
    );
  }

  /** An element of the document's structure, still to be added to its parent. */
  createElement(tag: string, scope?: TableScope) {
    // pdfkit 0.20 knows the scope, its types do not.
    const options: PDFKit.Mixins.StructureElementOptions & { scope?: TableScope } =
      scope === undefined ? {} : { scope };
    return this.struct(tag, options);
  }

  /** Draws one line at (x, y), its top left corner; the text is visible text. */
  drawLine(text: string, x: number, y: number, name: FaceName, size: number, color: string): void {
    this.font(FONT_FILES[name]).fontSize(size).fillColor(color);
    let left = x;
    for (const part of splitDirections(text)) {
      const textWidth = this.faces[name].width(part, size);
      // `features`, even empty, lays the part out in one go; with the width given it is not measured again.
      const options = { lineBreak: false, features: [], textWidth, wordCount: 1 };
      this.text(part, left, y, options);
      left += textWidth;
    }
  }

  /** All bytes that are ready. */
  takeBytes(): Uint8Array | undefined {
    const bytes: unknown = this.read();
    return bytes instanceof Uint8Array ? bytes : undefined;
  }

  #openFace(name: FaceName): Face {
    const embedded = this.font(FONT_FILES[name])._font;
    const find = createGlyphTable(embedded);
    const shape = embedded.layoutRun.bind(embedded);
    embedded.layoutRun = (text, features) => (SUMMED.test(text) ? layOut(text, find) : shape(text, features));
    return {
      has: (codePoint) => embedded.font.hasGlyphForCodePoint(codePoint),
      width: (text, size) => {
        if (SUMMED.test(text)) return (sumAdvances(text, find) * size) / 1000;
        this.font(FONT_FILES[name]).fontSize(size);
        return splitDirections(text).reduce((sum, part) => sum + this.widthOfString(part, { features: [] }), 0);
      },
    };
  }
}

interface PlacedGlyph {
  glyph: Glyph;
  position: GlyphPosition;
}

function createGlyphTable({ font }: EmbeddedFont): (codePoint: number) => PlacedGlyph {
  const table = new Map<number, PlacedGlyph>();
  return (codePoint) => {
    const known = table.get(codePoint);
    if (known !== undefined) return known;
    const glyph = font.glyphForCodePoint(codePoint);
    const advanceWidth = (glyph.advanceWidth * 1000) / font.unitsPerEm;
    const position = { xAdvance: advanceWidth, yAdvance: 0, xOffset: 0, yOffset: 0, advanceWidth };
    const placed = { glyph, position };
    table.set(codePoint, placed);
    return placed;
  };
}

/** Characters outside the basic plane are never in SUMMED text, so each code unit is a character. */
function layOut(text: string, find: (codePoint: number) => PlacedGlyph): GlyphRun {
  const run: GlyphRun = { glyphs: [], positions: [], advanceWidth: 0 };
  for (let index = 0; index < text.length; index += 1) {
    const { glyph, position } = find(text.charCodeAt(index));
    run.glyphs.push(glyph);
    run.positions.push(position);
    run.advanceWidth += position.xAdvance;
  }
  return run;
}

function sumAdvances(text: string, find: (codePoint: number) => PlacedGlyph): number {
  let sum = 0;
  for (let index = 0; index < text.length; index += 1) sum += find(text.charCodeAt(index)).position.xAdvance;
  return sum;
}

/** A part is written in one direction; the parts follow each other from left to right. */
function splitDirections(text: string): string[] {
  if (!RIGHT_TO_LEFT.test(text)) return [text];
  return text.split(RIGHT_TO_LEFT).filter((part) => part !== '');
}

const MAX_INFO_LENGTH = 500;

/** For the document information, which no font limits. */
function printable(text: string): string {
  return makeVisible(text.slice(0, MAX_INFO_LENGTH), { has: () => true });
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
