import { splitRng } from '../../sim/engine/rng.ts';
import { parseScenario } from '../../sim/moe/load-scenario.ts';
import type { Scenario } from '../../sim/moe/scenario.ts';

/** Seeds of the golden traces: 0 to this, without it. */
export const goldenSeeds = 200;

/** The small world of a seed: every option of a scenario occurs in some of them. */
export function goldenScenario(seed: number): Scenario {
  const rng = splitRng(seed, 'golden');
  const pick = <T>(...choices: readonly T[]): T => choices[rng.uniformInt(choices.length)]!;
  const between = (low: number, high: number): number => low + rng.uniformInt(high - low + 1);
  const ranks = between(1, 4);
  const expertsPerRank = Array.from({ length: ranks }, () => between(1, 4));
  const experts = expertsPerRank.reduce((sum, n) => sum + n, 0);
  const routing = pick<object>(
    { kind: 'uniform', seed },
    { kind: 'zipf', exponent: pick(0.5, 1, 2), seed },
    { kind: 'hot', experts: [experts - 1], share: experts > 1 ? pick(0.5, 1) : 1, seed },
  );
  const source = {
    name: `golden-${seed}`,
    world: {
      ranks,
      gpus: ranks % 2 === 0 ? pick(1, 2, ranks) : pick(1, ranks),
      machine: pick('h200', 'h100', 'a100'),
      blocks: between(2, 7),
      expertsPerRank,
      transport: pick('direct', 'put'),
    },
    model: {
      tokens: expertsPerRank.map(() => pick(0, between(1, 40))),
      hidden: pick(64, 128, 192),
      intermediate: pick(64, 128),
      experts,
      topK: between(1, Math.min(4, experts)),
      capacity: pick<number | string>('dropless', 0.25, 1, 1.5),
    },
    routing,
    tiles: { rows: pick(8, 16), cols: pick(64, 128) },
    policy: pick('fifo', 'round-robin', 'static', 'lag'),
    readiness: pick('eager', 'lazy'),
    launches: between(1, 3),
    noise: { durationPpm: pick(0, 50_000, 900_000), launchSkewNs: pick(0, 2000, 100_000) },
    seed,
  };
  return parseScenario(JSON.stringify(source), `golden-${seed}.yaml`, {});
}
