import { parseScenario } from '../../../sim/moe/load-scenario.ts';
import { placeRows, type Routing } from '../../../sim/moe/routing.ts';
import type { Scenario } from '../../../sim/moe/scenario.ts';

/** Peers that a rank sends tokens to in worlds of fixed work. */
const peers = 8;

/** A world of `ranks` ranks on a GPU each, 8 GPUs a node, with one expert and 1,024 tokens a rank. */
export function wideWorld(
  ranks: number,
  model: Readonly<Record<string, unknown>>,
  tiles: Readonly<Record<string, number>> = {},
): Scenario {
  const source = {
    name: `${ranks} ranks`,
    world: { ranks, gpus: ranks, machine: 'h100', transport: 'put' },
    model: {
      tokens: 1024,
      hidden: 2048,
      intermediate: 2048,
      experts: ranks,
      topK: 2,
      ...model,
    },
    tiles,
    seed: 8,
  };
  return parseScenario(JSON.stringify(source), 'wide.yaml', {});
}

/**
 * Routing with the same work for every rank in a world of any size from 8 ranks on: each rank's tokens go, two choices
 * each, to its own expert and to those of the next seven ranks, 256 rows to each.
 */
export function neighbourRouting(scenario: Scenario): Routing {
  const { topK, tokens } = scenario.model;
  const { ranks } = scenario.world;
  const choices = tokens.map((count, rank) =>
    Int32Array.from({ length: count * topK }, (_, entry) => (rank + (entry % peers)) % ranks),
  );
  const placed = choices.map((c, rank) => placeRows(scenario, rank, c));
  return {
    choices: [choices],
    kept: [placed.map(({ kept }) => kept)],
    rows: [placed.map(({ rows }) => rows)],
  };
}
