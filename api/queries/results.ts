// What the questions answer with: plain values, times in microseconds (UTC). GraphQL, reports and the command line all
// stand on these.

export interface Reference {
  /** The metaverse id; undefined: a name that could not be resolved. */
  id: string | undefined;
  name: string | undefined;
  type: string | undefined;
}

/** How far an answer goes: all events below the watermark, and none after. */
export interface Watermark {
  log: string;
  watermark: number;
  /** What the answer lacks because it has expired, in a sentence. */
  gone?: string | undefined;
}

/** One entitlement that somebody held at an instant in one system. */
export interface Holding {
  holder: Reference;
  /** The group; undefined: the attribute itself is the entitlement (an enabled account). */
  entitlement: Reference | undefined;
  /** The connected system; '' is the metaverse. */
  agent: string;
  /** The DN or anchor of the object that the attribute is on, as it was called then. */
  entryName: string | undefined;
  attribute: string;
  value: string;
  /** The value is there, and is not told: `value` is empty. */
  withheld?: boolean;
  since: number;
  /** The sequence of the change that granted it. */
  grantedBy: number;
  /** How: stage and outcome of that change, its rule, who caused it. */
  stage: string;
  outcome: string;
  rule: string | undefined;
  initiator: string | undefined;
  initiatorKnown: string;
  outOfBand: boolean;
}

export interface AccessAsOf extends Watermark {
  at: number;
  holdings: Holding[];
}

/** One account of somebody who left. */
export interface LeaverAccount {
  agent: string;
  /** DN or anchor of the account. */
  account: string | undefined;
  /** When it was disabled or deleted, or came to be somebody else's; undefined: still open at the end of the period's knowledge. */
  disabledAt: number | undefined;
  /** The sequence of the change that did. */
  disabledBy: number | undefined;
  /** The person came back while it was still enabled: since then it is no leaver's account, and its delay ends here. */
  rehiredAt?: number | undefined;
  /** After it was disabled it was enabled again, although its person was still gone: the first time that happened. */
  reenabledAt?: number | undefined;
  /** The sequence of the change that did. */
  reenabledBy?: number | undefined;
  /** Hours from leaving to disabled, to being re-hired, or to `asOf` when it is still open. */
  hours: number;
}

export interface Leaver {
  person: Reference;
  /** When HR let go: the leaving date where HR gave one that is not after it, else the time the image no longer had them. */
  leftAt: number;
  /** From a leaving date, or from being gone. */
  leftAtKnown: 'leaving-date' | 'gone-from-image';
  /** The sequence of the change that says they are gone. */
  goneBy: number;
  /** Empty: they had no enabled account when they left. */
  accounts: LeaverAccount[];
}

export interface LeaversOfPeriod extends Watermark {
  from: number;
  to: number;
  /** Open cases are measured up to here. */
  asOf: number;
  leavers: Leaver[];
}

/** Whether the log holds all that the engine counted, over the runs that an answer stands on. */
export interface Completeness {
  /** The first instant of which the log knows a change; undefined: it knows of none yet. */
  beginsAt: number | undefined;
  /** Events below it have expired; 0: none. */
  expiredBelow: number;
  /** The latest that something in them happened. */
  expiredUntil: number | undefined;
  /** Accepted events when it was looked: the dense sequence ends here. A checkpoint was signed for them. */
  size: number;
  watermark: number;
  /** Sequences missing below the watermark, or there more than once; 0 in a complete log. */
  missing: number;
  runs: number;
  steps: number;
  /** Steps whose counters or balance differ from the events counted in the log, were never recorded, or do not add up. */
  faults: { run: number; step: number; agent: string; what: string }[];
  /** Merkle root over the accepted events, hexadecimal. */
  root: string;
  /** The ids of the keys that have signed for size and root: of the log, and of witnesses. */
  keyIds: string[];
  /** The newest checkpoint that is known to be outside of this installation; undefined: there is none. */
  outside: { destination: string; size: number; at: number } | undefined;
}
