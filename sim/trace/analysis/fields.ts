import { putRowBits, readyCountBits, signalRowBits } from '../generated/events.ts';

/** Rows of a `Put` (field b). */
export function putRows(b: number): number {
  return b & ((1 << putRowBits) - 1);
}

/** Column tile of a `Put` (field b), or -1 for whole rows, as the dispatch puts them. */
export function putColumn(b: number): number {
  return (b >>> putRowBits) - 1;
}

/** Rows of a `SignalSent` or `SignalObserved` (field b). */
export function signalRows(b: number): number {
  return b & ((1 << signalRowBits) - 1);
}

/** Epoch state of a `SignalSent` or `SignalObserved` (field b). */
export function signalState(b: number): number {
  return b >>> signalRowBits;
}

/** Tasks of a `TasksReady` (field b). */
export function readyCount(b: number): number {
  return b & ((1 << readyCountBits) - 1);
}

/** Low bits of the ticket of a `TasksReady` (field b). */
export function readyTicket(b: number): number {
  return b >>> readyCountBits;
}

/** Tickets in a trace count modulo this. */
export const ticketModulus: number = 2 ** (32 - readyCountBits);

/** From here on, the aux field of `Interrupt` names a subscriber. */
export const subscriberInterrupt = 0x8000;
