// The look of every report: A4 across, quiet colours, five sizes. Lengths in points (1/72 inch).
import type { Tone } from '../content.ts';

export const PAGE = {
  width: 841.89,
  height: 595.28,
  left: 42,
  right: 42,
  /** The body lies between these; above is the head of each page, below its foot. */
  top: 76,
  bottom: 540,
} as const;

export const BODY_WIDTH = PAGE.width - PAGE.left - PAGE.right;
export const BODY_HEIGHT = PAGE.bottom - PAGE.top;

export const COLORS = {
  ink: '#1b1f24',
  quiet: '#59636e',
  accent: '#1f3a5f',
  good: '#1c5c38',
  bad: '#a3161a',
  rule: '#c4ccd4',
  hairline: '#e1e5ea',
  titleFill: '#e9edf2',
  groupFill: '#f4f6f8',
  goodFill: '#eef6f0',
  badFill: '#fcefee',
  bar: '#c6d3e3',
} as const;

export const TONES: Readonly<Record<Tone, string>> = {
  plain: COLORS.ink,
  quiet: COLORS.quiet,
  good: COLORS.good,
  bad: COLORS.bad,
};

export const SIZES = { h1: 20, h2: 12.5, h3: 9.5, text: 8.5, cell: 7.5, title: 7, listing: 7, small: 7 } as const;

/** From one baseline to the next, in relation to the size. */
export const LEADING = 1.32;

export const CELL_PADDING = { x: 4, y: 3.2 } as const;
