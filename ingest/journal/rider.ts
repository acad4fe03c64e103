// State that is accepted in one transaction with what somebody does, although the code that does it knows nothing of it: it
// rides on the first batch with an event of theirs that is accepted within their work.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Batch, StateChange } from './messages.ts';

export interface Rider {
  /** Who does the work: a batch without an event that names them as initiator or performer is somebody else's. */
  who: string;
  /** What rides, given the sequence of the batch's first event. */
  change: (first: number) => StateChange;
}

interface Seat {
  rider: Rider;
  isTaken: boolean;
}

const seats = new AsyncLocalStorage<Seat>();

/** Does the work; the rider goes with the first batch of theirs in it that is accepted, or with none where none is. */
export async function withRider<T>(rider: Rider, work: () => Promise<T>): Promise<T> {
  const seat: Seat = { rider, isTaken: false };
  try {
    return await seats.run(seat, work);
  } finally {
    // What the work has begun and not waited for carries nothing any more.
    seat.isTaken = true;
  }
}

/** The batch with what rides on it. `refused` is called when it was not accepted: then the next one carries it. */
export function boarded(batch: Batch, first: number): { batch: Batch; refused: () => void } {
  const seat = seats.getStore();
  const isTheirs = batch.events.some(({ initiator, performer }) =>
    [initiator, performer].includes(seat?.rider.who.toWellFormed()),
  );
  if (!seat || seat.isTaken || !isTheirs) return { batch, refused: () => undefined };
  seat.isTaken = true;
  return {
    batch: { ...batch, state: [...batch.state, seat.rider.change(first)] },
    refused: () => {
      seat.isTaken = false;
    },
  };
}
