// A PDF as its reader sees it: its text, its description, its structure, asked of poppler and qpdf.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { requireTool } from '../require-tool.ts';

export interface Printed {
  /** The text page by page, as laid out. */
  pages: string[];
  /** All of it with spaces and line ends as one space. */
  text: string;
  run(tool: 'pdftotext' | 'pdfinfo' | 'pdffonts' | 'pdftoppm', options: string[], output?: string[]): string;
}

const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;

/** Checks the file with qpdf and reads it. Undefined: a tool is missing, and the test is skipped. */
export function readPdf(t: TestContext, pdf: Uint8Array): Printed | undefined {
  const pdftotext = requireTool(t, 'pdftotext');
  const qpdf = requireTool(t, 'qpdf');
  if (pdftotext === undefined || qpdf === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'metatrail-report-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'report.pdf');
  writeFileSync(file, pdf);
  execFileSync(qpdf, ['--check', file], { stdio: 'pipe' });
  const run: Printed['run'] = (tool, options, output = []) =>
    execFileSync(join(dirname(pdftotext), tool), [...options, file, ...output], {
      encoding: 'utf8',
      maxBuffer: MAX_OUTPUT_BYTES,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const pages = run('pdftotext', ['-layout'], ['-']).split('\f').slice(0, -1);
  return { pages, text: pages.join(' ').replaceAll(/\s+/g, ' '), run };
}
