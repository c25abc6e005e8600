import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { splitRng } from '../../sim/engine/rng.ts';
import { Op } from '../../sim/moe/generated/layout.ts';
import { placementOf } from '../../sim/moe/placement.ts';
import { type Routing, routeTokens } from '../../sim/moe/routing.ts';
import type { Scenario } from '../../sim/moe/scenario.ts';
import { gemm1Cols, rowSpan, type Shape } from '../../sim/moe/shape.ts';
import { shapeOf } from '../../sim/moe/shape-of.ts';
import { decodeTask } from '../../sim/moe/task.ts';
import { simulate } from '../../sim/systems/fused/simulate.ts';
import { EventKind } from '../../sim/trace/generated/events.ts';
import type { Trace } from '../../sim/trace/trace.ts';
import { scenarios } from './simulator-worlds.ts';

/** Choices of one (token, column tile) in the order in which COMBINE tasks of a trace delivered them. */
type Deliveries = Map<string, number[]>;

function rankRows(routing: Routing, launch: number, rank: number): readonly number[] {
  const rows = routing.rows[launch]?.[rank];
  if (rows === undefined) throw new Error(`no rows of launch ${launch}, rank ${rank}`);
  return rows;
}

/** `token * k + choice` by (expert, row) of one rank's launch, from the routing alone. */
function entriesByRow(
  s: Scenario,
  routing: Routing,
  launch: number,
  rank: number,
): Map<string, number> {
  const entries = new Map<string, number>();
  const kept = routing.kept[launch]?.[rank] ?? new Int32Array();
  const choices = routing.choices[launch]?.[rank] ?? new Int32Array();
  kept.forEach((row, entry) => {
    if (row >= 0) entries.set(`${choices[entry]}:${row}`, entry);
  });
  expect(kept.length).toBe((s.model.tokens[rank] ?? 0) * s.model.topK);
  return entries;
}

/** What the COMBINE tasks of a trace bring to each token of a rank, in the order they finish. */
function deliveries(
  s: Scenario,
  shape: Shape,
  trace: Trace,
  launch: number,
  rank: number,
): Deliveries {
  const routing = routeTokens(s);
  const entries = entriesByRow(s, routing, launch, rank);
  const rows = rankRows(routing, launch, rank);
  const found: Deliveries = new Map();
  const { events } = trace;
  for (let i = 0; i < events.time.length; i++) {
    if (events.kind[i] !== EventKind.TaskFinished) continue;
    if (events.launch[i] !== launch || events.rank[i] !== rank) continue;
    const task = decodeTask(shape, events.a[i]!);
    if (task.op !== Op.Combine) continue;
    const span = rowSpan(shape, rows[task.expert] ?? 0, task.block);
    for (let row = span.begin; row < span.begin + span.count; row++) {
      const entry = entries.get(`${task.expert}:${row}`);
      if (entry === undefined) throw new Error(`row ${row} of expert ${task.expert} has no token`);
      const key = `${Math.floor(entry / s.model.topK)}:${task.col}`;
      const list = found.get(key) ?? [];
      list.push(entry % s.model.topK);
      found.set(key, list);
    }
  }
  return found;
}

function everyRank(
  s: Scenario,
  check: (found: Deliveries, launch: number, rank: number) => void,
): void {
  const { trace } = simulate(s);
  const shape = shapeOf(s);
  expect(placementOf(s).base.length).toBe(s.world.ranks + 1);
  for (let launch = 0; launch < s.launches; launch++) {
    for (let rank = 0; rank < s.world.ranks; rank++) {
      check(deliveries(s, shape, trace, launch, rank), launch, rank);
    }
  }
}

/** fp32 sum in the given order; every product is exact in fp32, so each addition rounds once. */
function sumInOrder(terms: readonly number[], order: readonly number[]): number {
  let sum = 0;
  for (const choice of order) sum = Math.fround(sum + terms[choice]!);
  return sum;
}

const unitRoundoff = 2 ** -24;

describe('numerics of a simulated launch', () => {
  test('N2: each kept (token, expert) is delivered once to every column tile, a dropped one never', () => {
    fc.assert(
      fc.property(scenarios(), (s) => {
        const routing = routeTokens(s);
        const cols = gemm1Cols(shapeOf(s));
        everyRank(s, (found, launch, rank) => {
          const kept = routing.kept[launch]?.[rank] ?? new Int32Array();
          const expected: Deliveries = new Map();
          kept.forEach((row, entry) => {
            if (row < 0) return;
            for (let col = 0; col < cols; col++) {
              const key = `${Math.floor(entry / s.model.topK)}:${col}`;
              expected.set(key, [...(expected.get(key) ?? []), entry % s.model.topK]);
            }
          });
          const sorted = [...found].map(
            ([key, list]) => [key, list.toSorted((a, b) => a - b)] as const,
          );
          expect(new Map(sorted)).toEqual(expected);
        });
      }),
      { numRuns: 40 },
    );
  });

  test('N1: summing in the order of arrival stays within (k - 1) u sum|wy| of the exact sum', () => {
    fc.assert(
      fc.property(scenarios(), fc.nat(1000), (s, seed) => {
        everyRank(s, (found, launch, rank) => {
          for (const [key, order] of found) {
            // Factors of 11 and 12 bits: their product fits fp32's 24, so only additions round.
            const rng = splitRng(seed, launch, rank, key);
            const terms = Array.from({ length: s.model.topK }, () => {
              const w = (rng.uniformInt(2047) + 1) / 2048;
              return (w * (rng.uniformInt(4095) - 2047)) / 64;
            });
            const exact = order.reduce((sum, choice) => sum + terms[choice]!, 0);
            const size = order.reduce((sum, choice) => sum + Math.abs(terms[choice]!), 0);
            const bound = Math.max(order.length - 1, 0) * unitRoundoff * size * (1 + 2 ** -20);
            expect(Math.abs(sumInOrder(terms, order) - exact)).toBeLessThanOrEqual(bound);
          }
        });
      }),
      { numRuns: 30 },
    );
  });

  test('N1: small integers give the same bits in whatever order they arrive', () => {
    fc.assert(
      fc.property(scenarios(), fc.nat(1000), (s, seed) => {
        everyRank(s, (found, launch, rank) => {
          for (const [key, order] of found) {
            const rng = splitRng(seed, launch, rank, key);
            const terms = Array.from({ length: s.model.topK }, () => rng.uniformInt(513) - 256);
            const byChoice = order.toSorted((a, b) => a - b);
            expect(Object.is(sumInOrder(terms, order), sumInOrder(terms, byChoice))).toBe(true);
          }
        });
      }),
      { numRuns: 30 },
    );
  });
});
