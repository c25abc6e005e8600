import { execFileSync } from 'node:child_process';

/** One contender at one number of pending events. */
export interface Entry {
  readonly group: string;
  readonly name: string;
  readonly pending: number;
  readonly command: readonly string[];
  readonly holds: number;
  /** Words after the counts. */
  readonly extra?: readonly string[];
}

/** Holds a second of each round, of processor time. */
export interface Measured {
  readonly group: string;
  readonly name: string;
  readonly pending: number;
  readonly rates: readonly number[];
}

/** Runs all entries in turn, `rounds` times, so that whatever disturbs the machine disturbs every contender alike. */
export function measure(
  entries: readonly Entry[],
  rounds: number,
  onProgress: (line: string) => void,
): Measured[] {
  const rates = entries.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    entries.forEach((entry, i) => {
      const rate = rateOf(entry);
      rates[i]!.push(rate);
      const million = (rate / 1e6).toFixed(2);
      onProgress(`round ${round + 1}: ${entry.name}, ${entry.pending} pending: ${million} M/s`);
    });
  }
  return entries.map(({ group, name, pending }, i) => ({ group, name, pending, rates: rates[i]! }));
}

function rateOf({ command, pending, holds, extra = [] }: Entry): number {
  const [program, ...args] = command;
  const warm = Math.min(holds, Math.max(2 * pending, 200_000));
  const counts = [pending, warm, holds].map(String);
  const text = execFileSync(program!, [...args, ...counts, ...extra], { encoding: 'utf8' });
  const result = JSON.parse(text) as { holds: number; cpuSeconds: number };
  if (result.holds !== holds || !(result.cpuSeconds > 0)) {
    throw new Error(`${command.join(' ')}: expected ${holds} timed holds, got ${text}`);
  }
  return holds / result.cpuSeconds;
}

/** The middle one, or the mean of the two middle ones. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((x, y) => x - y);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** Median over the rounds of how many times faster `x` was than `y` in the same round. */
export function ratio(x: Measured, y: Measured): number {
  return median(x.rates.map((rate, round) => rate / y.rates[round]!));
}
