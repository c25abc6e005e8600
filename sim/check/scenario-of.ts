import { z } from 'zod';

import { shapeOf } from '../moe/layout.ts';
import type { Scenario } from '../moe/scenario.ts';
import { ScenarioError } from '../moe/scenario-error.ts';
import { TraceError } from '../trace/errors.ts';
import type { TraceHeader } from '../trace/trace.ts';

const count = z.int().min(0);

/** The part of a resolved scenario that the checker reads. */
const schema = z.looseObject({
  name: z.string(),
  world: z.looseObject({
    ranks: z.int().min(1),
    gpus: z.int().min(1),
    expertsPerRank: z.array(count).min(1),
  }),
  model: z.looseObject({
    tokens: z.array(count).min(1),
    hidden: z.int().min(1),
    intermediate: z.int().min(1),
    experts: z.int().min(1),
    topK: z.int().min(1),
    capacityFactor: z.number().nullable(),
    activation: z.string(),
  }),
  tiles: z.looseObject({ rows: z.int().min(1), cols: z.int().min(1) }),
});

/**
 * The resolved scenario in a trace's header.
 * @throws {TraceError} when it is none, or does not fit the header's ranks and rows.
 */
export function scenarioOf(where: string, header: TraceHeader): Scenario {
  const parsed = schema.safeParse(header.scenario);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const what = `header field ${['scenario', ...(issue?.path ?? [])].join('.')}`;
    const expected = 'a resolved scenario';
    throw new TraceError({ where, what, expected, got: issue?.message ?? 'something else' });
  }
  const scenario = parsed.data as unknown as Scenario;
  const { world, model } = scenario;
  const ranks = header.ranks.length;
  const experts = world.expertsPerRank.reduce((sum, n) => sum + n, 0);
  const lengths: readonly [what: string, expected: number, got: number][] = [
    ['scenario.world.ranks', ranks, world.ranks],
    ['scenario.world.expertsPerRank (length)', ranks, world.expertsPerRank.length],
    ['scenario.model.tokens (length)', ranks, model.tokens.length],
    ['scenario.world.expertsPerRank (sum)', model.experts, experts],
    ...header.rows.flatMap((launch, l) =>
      launch.map((row, r): [string, number, number] => [
        `rows.${l}.${r} (length)`,
        model.experts,
        row.length,
      ]),
    ),
  ];
  for (const [what, expected, got] of lengths) {
    if (got === expected) continue;
    throw new TraceError({
      where,
      what: `header field ${what}`,
      expected: String(expected),
      got: String(got),
    });
  }
  try {
    shapeOf(scenario);
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    const expected = 'a scenario whose sizes fit their packed fields';
    throw new TraceError(
      { where, what: 'header field scenario', expected, got: error.message },
      { cause: error },
    );
  }
  return scenario;
}
