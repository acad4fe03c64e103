// Of every mutation an attempt in vain and one that is carried out, for tests that walk over all of them.

import { type Changes, Occurrences } from '../api/alerts/occurrences.ts';
import { systemClock } from '../ingest/clock.ts';
import type { Journal } from '../ingest/journal/journal.ts';

export interface Attempt {
  refused: string;
  error: string;
  done: string;
}

/** Of each mutation an attempt in vain and one that is carried out, in an order in which they can be. */
export const EVERY_MUTATION: Readonly<Record<string, Attempt>> = {
  run: {
    refused: '{ run(agent: "nobody", profile: "full") { id } }',
    error: 'bad-user-input',
    done: '{ run(agent: "hr", profile: "full") { id } }',
  },
  addHold: {
    refused: '{ addHold(object: "ANN", who: "counsel", why: " ") { id } }',
    error: 'bad-user-input',
    done: '{ addHold(object: "ANN", who: "counsel", why: "case 12") { id } }',
  },
  removeHold: {
    refused: '{ removeHold(id: 0, who: "counsel", why: "closed") { id } }',
    error: 'hold-unknown',
    done: '{ removeHold(id: DONE, who: "counsel", why: "closed") { id } }',
  },
  erase: {
    refused: '{ erase(object: "BOB", who: "officer", why: "request", names: ["Barty"]) { event } }',
    error: 'erasure-refused',
    done: '{ erase(object: "ANN", who: "officer", why: "request") { event } }',
  },
  certifyErasure: {
    refused: '{ certifyErasure(erasure: 0, who: "officer", names: ["Barty"], folders: ["/nowhere"]) { event } }',
    error: 'certificate-refused',
    done: '{ certifyErasure(erasure: DONE, who: "officer") { event } }',
  },
  createToken: {
    refused: '{ createToken(name: " ", roles: [auditor], expiresAt: "TOMORROW", why: "feed") { secret } }',
    error: 'bad-user-input',
    done: '{ createToken(name: "feed", roles: [auditor], expiresAt: "TOMORROW", why: "feed") { secret } }',
  },
  revokeToken: {
    refused: '{ revokeToken(id: 0, why: "lost") { id } }',
    error: 'bad-user-input',
    done: '{ revokeToken(id: DONE, why: "lost") { id } }',
  },
  revokeSession: {
    refused: '{ revokeSession(id: "none", why: "lost") { id } }',
    error: 'bad-user-input',
    done: '{ revokeSession(id: "SESSION", why: "lost") { id } }',
  },
  acknowledgeAlert: {
    refused: '{ acknowledgeAlert(occurrence: 0, why: "seen") { id } }',
    error: 'bad-user-input',
    done: '{ acknowledgeAlert(occurrence: OCCURRENCE, why: "seen") { id } }',
  },
  rotateCheckpointKey: {
    refused: '{ rotateCheckpointKey { sequence } }',
    error: 'checkpoint-key-inaccessible',
    done: '{ rotateCheckpointKey { sequence } }',
  },
  applyRetention: {
    refused: '{ applyRetention(who: " ") { reads } }',
    error: 'bad-user-input',
    done: '{ applyRetention(who: "records office") { reads } }',
  },
};

/** The number of an occurrence that nobody has acknowledged. */
export async function raiseOccurrence(journal: Journal): Promise<string> {
  const alert = {
    name: 'watched',
    kind: 'verification-failed',
    severity: 'high',
    as: 'auditor',
    values: false,
    tell: [],
  } as const;
  const found = { cause: 'check 1', count: 1, since: systemClock() };
  const accepted = await journal.accept((base) => {
    const changes: Changes = { events: [], state: [] };
    new Occurrences(journal, systemClock).raise(changes, base, { ...alert, tell: [] }, found, []);
    return changes;
  });
  return String(accepted.first);
}

/** A template with names for what is known only then filled in. */
export function fillIn(template: string, given: Readonly<Record<string, string>>): string {
  return Object.entries(given).reduce((all, [name, value]) => all.replace(name, value), template);
}
