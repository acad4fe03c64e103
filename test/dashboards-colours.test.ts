// Text can be read on what it stands on, light and dark: WCAG 2.2, level AA, asks for 4.5 to 1, and 3 to 1 for frames.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const CSS = readFileSync(join(import.meta.dirname, '..', 'dashboards', 'styles', 'colours.css'), 'utf8');
const [LIGHT_PART = '', DARK_PART = ''] = CSS.split('@media (prefers-color-scheme: dark)');
const LIGHT = readColours(LIGHT_PART);
const SCHEMES = { light: LIGHT, dark: new Map([...LIGHT, ...readColours(DARK_PART)]) };

const GROUNDS = ['background', 'surface', 'surface-raised', 'surface-hover'];
const TEXTS: readonly (readonly [text: string, grounds: readonly string[]])[] = [
  ['text', GROUNDS],
  ['text-muted', GROUNDS],
  ['link', GROUNDS],
  ['good', ['surface', 'surface-raised', 'good-surface']],
  ['warn', ['surface', 'warn-surface']],
  ['bad', ['surface', 'surface-raised', 'bad-surface']],
  ['old', ['old-surface']],
  ['new', ['new-surface']],
  ['accent-text', ['accent', 'accent-hover']],
];

for (const [scheme, colours] of Object.entries(SCHEMES)) {
  test(`text has enough contrast in ${scheme}`, () => {
    for (const [text, grounds] of TEXTS) {
      for (const ground of grounds) assertContrast(colours, text, ground, 4.5);
    }
  });

  test(`frames of fields and the focus have enough contrast in ${scheme}`, () => {
    for (const frame of ['border-strong', 'focus']) assertContrast(colours, frame, 'surface', 3);
  });
}

function assertContrast(colours: ReadonlyMap<string, string>, text: string, ground: string, least: number): void {
  const [a, b] = [measureLuminance(colours.get(text)), measureLuminance(colours.get(ground))];
  const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  assert.ok(contrast >= least, `${text} on ${ground}: ${contrast.toFixed(2)} to 1`);
}

function readColours(css: string): Map<string, string> {
  return new Map(
    [...css.matchAll(/--([a-z-]+): (#[0-9a-f]{6});/g)].map(([, name = '', colour = '']) => [name, colour]),
  );
}

/** Relative luminance as WCAG defines it. */
function measureLuminance(colour: string | undefined): number {
  assert.ok(colour !== undefined);
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((start) => {
    const channel = Number.parseInt(colour.slice(start, start + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
