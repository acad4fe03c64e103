// A drop folder: one CSV file a month, a day or a second, each a full image, its date in its name. The date, not the
// time at which the file arrived, decides which comes next: a copy made later must not change history.
import { readdir } from 'node:fs/promises';
import { ConnectorError } from '../connector.ts';
import { openError } from './input-file.ts';

export interface Image {
  name: string;
  /** Microseconds, UTC: the last instant of the month or day that the name gives, or the very second. */
  date: number;
}

const MICROSECONDS_PER_MILLISECOND = 1000;
const TIME = String.raw`T(?<hour>\d{2})(?<minute>\d{2})(?<second>\d{2})?`;
const DATE = new RegExp(
  String.raw`(?<!\d)(?:(?<year>(?:19|20)\d{2})-(?<month>\d{2})(?:-(?<day>\d{2})(?:${TIME})?)?` +
    String.raw`|(?<year>(?:19|20)\d{2})(?<month>\d{2})(?<day>\d{2})(?:${TIME})?)(?![-T]?\d)`,
  'g',
);

const REMEDY = 'Name each image with its date, like hr-2024-03.csv, hr-2024-03-31.csv or hr-2024-03-31T2200.csv';

/** The images of the folder, oldest first. Throws ConnectorError when the order of all images is not certain. */
export async function listImages(folder: string, pattern: string): Promise<Image[]> {
  const names = (await listFiles(folder)).filter((name) => matchesPattern(name, pattern));
  const images = names.map((name) => ({ name, date: readImageDate(name) }));
  images.sort((a, b) => a.date - b.date || (a.name < b.name ? -1 : 1));
  for (const [index, image] of images.entries()) {
    const next = images[index + 1];
    if (next?.date === image.date) {
      throw refuse(
        `${image.name} and ${next.name} in ${folder} have the same date, so which one holds is not known. Keep one of them, or name the second with its time.`,
      );
    }
  }
  return images;
}

/** The first image later than the one named `after`, which need not be there any more. */
export function findNextImage(images: readonly Image[], after: string | undefined): Image | undefined {
  if (after === undefined) return images[0];
  const date = readImageDate(after);
  return images.find((image) => image.date > date);
}

/** The date in a file's name, in microseconds UTC. Throws ConnectorError when there is none, or more than one. */
export function readImageDate(name: string): number {
  const dates = [...name.matchAll(DATE)].map((match) => toInstant(match.groups ?? {}));
  const [date] = dates;
  if (date === undefined)
    throw refuse(
      `${name} has no date in its name, so its place among the images is not known. ${REMEDY}, or keep other files out of the folder and its pattern.`,
    );
  if (dates.length > 1)
    throw refuse(`${name} has more than one date in its name, so which one holds is not known. ${REMEDY}.`);
  if (Number.isNaN(date)) throw refuse(`${name} has a date in its name that is not in the calendar. ${REMEDY}.`);
  return date;
}

/** `*` stands for any characters, `?` for one; as in a shell, neither finds the dot of a hidden file. */
export function matchesPattern(name: string, pattern: string): boolean {
  if (name.startsWith('.') && !pattern.startsWith('.')) return false;
  const source = pattern
    .replace(/[\\^$.|+()[\]{}]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 's').test(name);
}

async function listFiles(folder: string): Promise<string[]> {
  try {
    const found = await readdir(folder, { withFileTypes: true });
    return found.filter((entry) => !entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    throw openError(folder, 'folder', error);
  }
}

function toInstant(parts: Record<string, string | undefined>): number {
  const year = Number(parts.year);
  const month = Number(parts.month);
  const day = parts.day === undefined ? undefined : Number(parts.day);
  const daysInMonth = new Date(Date.UTC(year, month, 0)).getUTCDate();
  if (month < 1 || month > 12 || day === 0 || (day ?? 1) > daysInMonth) return Number.NaN;
  if (day === undefined) return Date.UTC(year, month, 1) * MICROSECONDS_PER_MILLISECOND - 1;
  if (parts.hour === undefined) return Date.UTC(year, month - 1, day + 1) * MICROSECONDS_PER_MILLISECOND - 1;
  const [hour, minute, second] = [parts.hour, parts.minute, parts.second ?? '0'].map(Number);
  if (hour === undefined || minute === undefined || second === undefined) return Number.NaN;
  if (hour > 23 || minute > 59 || second > 59) return Number.NaN;
  return Date.UTC(year, month - 1, day, hour, minute, second) * MICROSECONDS_PER_MILLISECOND;
}

function refuse(message: string): ConnectorError {
  return new ConnectorError('no-start-file-open', message);
}
