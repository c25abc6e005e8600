/**
 * Which experts each token goes to, and which of its rows are kept. Choices are drawn from the routing spec with exact
 * integer weights, so that both halves of the twin route alike; rows are placed as the kernel places them: per (source
 * rank, expert) in token order, dropped at the capacity.
 */
import { splitRng } from '../engine/rng.ts';
import { capacityOf } from './capacity.ts';
import { recordedChoices } from './routing-file.ts';
import { type ChoiceSource, choiceSource } from './routing-weights.ts';
import type { Scenario } from './scenario.ts';

/** Routing of every launch and rank of a scenario. */
export interface Routing {
  /** `[launch][rank]`: tokens x k global experts, flattened; each token's in descending probability. */
  readonly choices: readonly (readonly Int32Array[])[];
  /** Same shape: row of the choice in its (source rank, expert) cell, or -1 when dropped. */
  readonly kept: readonly (readonly Int32Array[])[];
  /** `[launch][source rank][expert]`: kept rows. */
  readonly rows: number[][][];
}

/** Routes all tokens of a scenario. Throws ScenarioError when the spec cannot route them. */
export function routeTokens(s: Scenario): Routing {
  const draw = drawer(s);
  const choices: Int32Array[][] = [];
  const kept: Int32Array[][] = [];
  const rows: number[][][] = [];
  for (let launch = 0; launch < s.launches; launch++) {
    const ofLaunch = s.model.tokens.map((_, rank) => draw(launch, rank));
    const placed = ofLaunch.map((c, rank) => placeRows(s, rank, c));
    choices.push(ofLaunch);
    kept.push(placed.map((p) => p.kept));
    rows.push(placed.map((p) => p.rows));
  }
  return { choices, kept, rows };
}

/** Throws ScenarioError when the routing spec cannot give every token k experts. Recorded files are not read. */
export function checkDraws(s: Scenario): void {
  if (s.routing.kind !== 'file') choiceSource(s, s.routing);
}

/** Numbers the rows of one rank's choices per expert in token order and drops those at or over the capacity. */
export function placeRows(
  s: Scenario,
  rank: number,
  choices: Int32Array,
): { kept: Int32Array; rows: number[] } {
  const capacity = capacityOf(s.model, s.model.tokens[rank] ?? 0);
  const rows = Array.from({ length: s.model.experts }, () => 0);
  const kept = new Int32Array(choices.length);
  for (let i = 0; i < choices.length; i++) {
    const expert = choices[i] ?? -1;
    const row = rows[expert];
    if (row === undefined) throw new RangeError(`rank ${rank}: no expert ${expert}`);
    const fits = row < capacity;
    kept[i] = fits ? row : -1;
    if (fits) rows[expert] = row + 1;
  }
  return { kept, rows };
}

type Draw = (launch: number, rank: number) => Int32Array;

function drawer(s: Scenario): Draw {
  const spec = s.routing;
  if (spec.kind === 'file') {
    const recorded = recordedChoices(s, spec);
    return recorded;
  }
  const source: ChoiceSource = choiceSource(s, spec);
  const k = s.model.topK;
  return (launch, rank) => {
    const rng = splitRng(spec.seed, 'routing', launch, rank);
    const out = new Int32Array((s.model.tokens[rank] ?? 0) * k);
    for (let at = 0; at < out.length; at += k) source(rng, rank, out, at);
    return out;
  };
}
