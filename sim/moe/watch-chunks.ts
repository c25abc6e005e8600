/**
 * Dispatch flags of a subscriber's chunk, so few that all subscribers have some: kernel/include/kerneltwin/protocol/subscriber.h
 * in TypeScript. At least 1 and at most 32, one a lane.
 */
export function dispatchChunkFlags(
  ranks: number,
  localExperts: number,
  subscribers: number,
): number {
  return Math.min(32, Math.max(1, Math.ceil((ranks * localExperts) / subscribers)));
}
