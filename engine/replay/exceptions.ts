// What a replay does not rebuild: each with the reason, and what follows from it. ARCHITECTURE.md lists the same.
import { KINDS } from '../space.ts';

export interface Exception {
  what: string;
  why: string;
}

/** Kinds and keys of the state that are never events. `key` undefined: all of the kind. */
export const NOT_REBUILT: readonly (Exception & { kind: string; key?: string })[] = [
  { kind: 'session', what: 'sessions', why: 'secrets; whoever is signed in signs in again' },
  { kind: 'sign-in-link', what: 'sign-in links', why: 'secrets; `metatrail sign-in` makes another' },
  {
    kind: 'token',
    what: 'API tokens',
    why: 'secrets; events say which were made and revoked, and whoever needs one gets another',
  },
  {
    kind: 'idempotency',
    what: 'keys of mutations that must not be carried out twice',
    why: 'their keys are kept for a day only, and what they did is in the events',
  },
  {
    kind: 'alert-occurrence',
    what: 'occurrences of alerts',
    why: 'they are about what was found, not part of it; events say which were raised, told and acknowledged',
  },
  {
    kind: 'alert-position',
    what: 'how far each alert has looked',
    why: 'it is about the question, not the engine; an alert begins again with what comes',
  },
  {
    kind: 'alert-check',
    what: 'what the last check of the log came to, for alerts',
    why: 'the next check says it anew',
  },
  {
    kind: 'feed-position',
    what: 'how far each feed has been sent',
    why: 'it is about the receiver, not the engine; a feed begins again where its file says',
  },
  {
    kind: 'tombstone',
    what: 'tombstones',
    why: 'events say them, but the event of an early one expires with a later partition; `metatrail verify` holds them against the tiles',
  },
  {
    kind: KINDS.outstanding,
    what: 'what a synchronisation that was cut off left to be done for others',
    why: 'it follows from events, and is gone once the next synchronisation of that agent has done it',
  },
  {
    kind: 'recovery',
    what: 'what a recovery that was cut off has yet to do and to tell',
    why: 'it is about the stores, and is gone once `metatrail recover` has finished it; events say then what was done',
  },
  {
    kind: KINDS.engine,
    key: 'demonstration',
    what: 'how far the demonstration company has been played',
    why: 'it belongs to the demonstration, not to the engine',
  },
];

/** Fields that are rebuilt as far as the log goes, or by rules, and may differ. */
export const REBUILT_IN_PART: readonly (Exception & { field: string })[] = [
  {
    field: 'value',
    what: 'binary values, and values of more than 64 KiB',
    why: 'the log holds their size and SHA-256, and so does the rebuilt state; the values come back with the next import',
  },
  {
    field: 'erased',
    what: 'erased values that a connected system still has',
    why: 'the log has only the number of the key that went; the rebuilt state holds that in their place until the next import brings them again',
  },
  {
    field: 'due',
    what: 'of an entry that a synchronisation which was cut off had before it: `pending`, `retry`, `cause`, `lastOutcome` and `unresolved`; `losers` of the object that it is joined to; and, if its system has it no longer and it is joined to none, that it is there and whose it was (`former`)',
    why: 'what it had looked at in vain left no event; it is looked at again, which changes nothing',
  },
];
