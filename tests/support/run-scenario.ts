import { parseScenario } from '../../sim/moe/load-scenario.ts';
import type { Scenario } from '../../sim/moe/scenario.ts';

/** A world small enough for the double of the kernel: two ranks on one GPU, or as `set` says. */
export function runScenario(set: Readonly<Record<string, string>> = {}): Scenario {
  const text = `
name: run
world: { ranks: 2, gpus: 1, machine: h200, blocks: 4 }
model: { tokens: 24, hidden: 64, intermediate: 64, experts: 6, topK: 2 }
routing: { kind: uniform, seed: 5 }
tiles: { rows: 16, cols: 64 }
launches: 2
`;
  return parseScenario(text, 'run.yaml', set);
}
