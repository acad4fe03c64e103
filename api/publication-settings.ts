// Where checkpoints are sent, as the environment says it: the forms of those variables, and how they are read.
import { z } from 'zod';
import { NoteError, parseVerifierKey } from '../ingest/checkpoints/note.ts';
import type { WitnessSettings } from '../ingest/checkpoints/publication/witness.ts';

const THIS_MACHINE = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** https, or http to this machine, where nobody listens on the line. */
export function isSafeAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  const isSafe = protocol === 'https:' || (protocol === 'http:' && THIS_MACHINE.test(hostname));
  return isSafe && username === '' && password === '';
}

export const ADDRESS = 'must be an https address without user and password (http to this machine only)';

export const webhookVariable = z
  .string()
  .refine(isSafeAddress, ADDRESS)
  .transform((text) => new URL(text));

const WITNESSES =
  'must name each witness by its address and its public key, as in https://witness.example/ witness.example/w1+8d66cf3f+BHk…, one from the next with a comma';

export const witnessesVariable = z.string().transform((list, context): WitnessSettings[] => {
  const witnesses = list.split(',').map(readWitness);
  const known = witnesses.filter((witness) => witness !== undefined);
  const names = new Set(known.map(({ vkey }) => vkey.split('+')[0]));
  if (known.length === witnesses.length && names.size === known.length) return known;
  context.addIssue({ code: 'custom', message: WITNESSES });
  return z.NEVER;
});

function readWitness(text: string): WitnessSettings | undefined {
  const [url = '', vkey = '', ...more] = text.trim().split(/\s+/);
  if (more.length > 0 || !isSafeAddress(url)) return undefined;
  try {
    return parseVerifierKey(vkey).type === 'cosignature' ? { url: new URL(url), vkey } : undefined;
  } catch (error) {
    if (error instanceof NoteError) return undefined;
    throw error;
  }
}

export const smtpVariable = z
  .string()
  .refine(
    (text) => URL.canParse(text) && /^smtps?:$/.test(new URL(text).protocol) && new URL(text).hostname !== '',
    'must be the address of a mail server such as smtp://user:password@mail.example:587',
  )
  .transform((text) => new URL(text));

/** Addresses, separated by commas; a line break would end a header of the mail. */
export const mailVariable = z
  .string()
  .regex(/^[^\s@,]+@[^\s@,]+(, ?[^\s@,]+@[^\s@,]+)*$/, 'must be mail addresses, separated by commas');
