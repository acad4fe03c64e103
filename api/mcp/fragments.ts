// What the tools' questions ask of a thing: enough to cite it and to go on from it.

export const OBJECT = 'object { id name type }';

const VALUES = 'values { attribute type operation old new withheld marks rule setBy reference { id name type } }';

/** A change as it is listed. */
export const CHANGE = `sequence occurredAt recordedAt stage operation outcome error ${OBJECT} entry agent anchor dn initiator initiatorKnown performer rule run outOfBand causes root ${VALUES}`;

/** A change on a way of several. */
export const STOP = `sequence occurredAt stage operation outcome error ${OBJECT} agent anchor initiator performer rule outOfBand ${VALUES}`;

export const HOP = `cause delayMicros change { ${STOP} } losers { ${STOP} }`;

export const PAGE = 'pageInfo { hasNextPage endCursor } watermark gone';

export const HOLDING =
  'agent attribute value withheld since grantedBy initiator outOfBand entitlement { id name type } holder { id name type }';

export const NESTED = `at watermark gone holdings { agent attribute value withheld direct since ways holderName entitlement { id name type } holder { id name type } path { ${HOLDING} } }`;

export const DELAYS = 'leaverDelays { agent closed open medianHours p95Hours maximumHours }';
