/** How the scheduler's lanes are dealt to the queues: kernel/include/kerneltwin/protocol/hand.h in TypeScript. */

/** Lanes of a warp. */
const lanes = 32;

/** Most entries of a subscriber's queue that the scheduler takes at a time, with `subscribers` of them. */
export function subscriberHand(subscribers: number): number {
  const queues = subscribers + 1;
  if (queues > lanes / 2) return 1;
  return queues > lanes / 4 ? 2 : 4;
}

/** Most entries of the processors' queue: the lanes that are left. */
export function processorHand(subscribers: number): number {
  return lanes - subscribers * subscriberHand(subscribers);
}
