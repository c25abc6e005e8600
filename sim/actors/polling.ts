/**
 * When a loop that polls sees a word. The loop reads it at `first`, `first + period`, ...; a poll that finds nothing has
 * no effect, so an idle loop costs no events: the one poll that will find the word is computed.
 */
export function firstPollAt(first: number, period: number, visible: number): number {
  if (visible <= first) return first;
  // A loop that takes no time reads the word at once.
  if (period === 0) return visible;
  return first + Math.ceil((visible - first) / period) * period;
}
