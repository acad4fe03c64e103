// What a process did to a few files, call by call, as strace saw it; and the files as a disk would hold them if power had
// failed at one of these calls: what was fsynced is there, of the rest anything may be, also half a write.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export type Call =
  | { kind: 'write'; file: string; offset: number; bytes: Buffer }
  | { kind: 'truncate'; file: string; size: number }
  | { kind: 'sync'; file: string }
  /** A line on standard output. */
  | { kind: 'said'; line: string };

const CALLS = 'pwrite64,ftruncate,fsync,fdatasync,write';
/** Longer than any page, so that no write is abbreviated. */
const LONGEST = 1_000_000;

/** Runs a program under strace, from which `files` of one folder are followed. Throws Error when it fails. */
export async function traceDisk(strace: string, command: readonly string[], files: readonly string[]): Promise<Call[]> {
  const output = `${files[0]}.trace`;
  const options = ['-f', '-y', '-xx', '--seccomp-bpf', '-s', `${LONGEST}`, '-e', `trace=${CALLS}`, '-o', output];
  const child = spawn(strace, [...options, ...command], { stdio: ['ignore', 'ignore', 'inherit'] });
  const [status] = await once(child, 'exit');
  if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status} under strace.`);
  const lines = readFileSync(output, 'latin1').split('\n');
  rmSync(output);
  return lines.flatMap((line) => readCall(line, files) ?? []);
}

/** Runs a program under strace and returns the paths of the files and folders that were fsynced, in their order. Throws Error when it fails. */
export async function traceSyncs(strace: string, command: readonly string[], output: string): Promise<string[]> {
  const options = ['-f', '-y', '--seccomp-bpf', '-e', 'trace=fsync,fdatasync', '-o', output];
  const child = spawn(strace, [...options, ...command], { stdio: ['ignore', 'ignore', 'inherit'] });
  const [status] = await once(child, 'exit');
  if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status} under strace.`);
  const lines = readFileSync(output, 'latin1').split('\n');
  return lines.flatMap((line) => /^\d+ +(?:fsync|fdatasync)\(\d+<([^>]*)>/.exec(line)?.[1] ?? []);
}

/** A call that another thread interrupts is two lines; its arguments are in the first. */
function readCall(line: string, files: readonly string[]): Call | undefined {
  const [, name, descriptor, where, rest = ''] = /^\d+ +(\w+)\((\d+)<([^>]*)>(.*)$/.exec(line) ?? [];
  if (name === undefined) return undefined;
  const bytes = readBytes(rest);
  if (name === 'write') return descriptor === '1' ? { kind: 'said', line: bytes.toString('utf8').trim() } : undefined;
  const file = where === undefined ? undefined : decodePath(where);
  if (file === undefined || !files.includes(file)) return undefined;
  if (name === 'fsync' || name === 'fdatasync') return { kind: 'sync', file };
  if (name === 'ftruncate') return { kind: 'truncate', file, size: Number(/^, (\d+)/.exec(rest)?.[1]) };
  const [, offset] = /", \d+, (\d+)/.exec(rest) ?? [];
  return { kind: 'write', file, offset: Number(offset), bytes };
}

function readBytes(text: string): Buffer {
  const [, escaped = ''] = /"((?:\\x[0-9a-f]{2})*)"/.exec(text) ?? [];
  return Buffer.from(escaped.replaceAll('\\x', ''), 'hex');
}

const decodePath = (text: string): string => (text.includes('\\x') ? readBytes(`"${text}"`).toString('utf8') : text);

/** What becomes of calls that no fsync followed: none was done, some, or all but half of the last. */
export const FATES = ['none', 'some', 'half of the last'] as const;
export type Fate = (typeof FATES)[number];

/**
 * Writes the files of the calls into a folder as they are when power fails after the first `count` of them. `chance`
 * returns 0 to 1.
 */
export function writeAfterPowerLoss(
  calls: readonly Call[],
  count: number,
  fate: Fate,
  chance: () => number,
  folder: string,
): void {
  const done = calls.slice(0, count);
  for (const file of new Set(done.flatMap((call) => ('file' in call ? [call.file] : [])))) {
    const of = done.filter((call) => 'file' in call && call.file === file);
    const synced = of.findLastIndex(({ kind }) => kind === 'sync');
    const kept = of.filter((_, i) => i <= synced || survives(fate, chance, i === of.length - 1));
    let content = Buffer.alloc(0);
    for (const call of kept) content = apply(content, call, fate === 'half of the last' && call === of.at(-1));
    writeFileSync(path.join(folder, path.basename(file)), content);
  }
}

function survives(fate: Fate, chance: () => number, last: boolean): boolean {
  if (fate === 'some') return chance() < 0.5;
  return fate === 'half of the last' && (last || chance() < 0.8);
}

function apply(content: Buffer, call: Call, half: boolean): Buffer<ArrayBuffer> {
  if (call.kind === 'truncate') {
    const cut = Buffer.alloc(call.size);
    content.copy(cut);
    return cut;
  }
  if (call.kind !== 'write') return Buffer.from(content);
  const bytes = half ? call.bytes.subarray(0, call.bytes.length / 2) : call.bytes;
  const longer = Buffer.alloc(Math.max(content.length, call.offset + bytes.length));
  content.copy(longer);
  bytes.copy(longer, call.offset);
  return longer;
}
