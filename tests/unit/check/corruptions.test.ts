import { existsSync, readdirSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { checkTrace } from '../../../sim/check/check-trace.ts';
import { loadScenario } from '../../../sim/moe/load-scenario.ts';
import { simulate } from '../../../sim/systems/fused/simulate.ts';
import { readTrace, traceExtension } from '../../../sim/trace/store.ts';
import type { Trace } from '../../../sim/trace/trace.ts';
import type { Corruption } from '../../support/corruption.ts';
import { eightCorruptions } from '../../support/corruptions.ts';
import { legalTrace } from '../../support/legal-trace.ts';
import { moreCorruptions } from '../../support/more-corruptions.ts';

const fixtures = 'tests/fixtures/traces';
const recorded = existsSync(fixtures)
  ? readdirSync(fixtures).filter((file) => file.endsWith(traceExtension))
  : [];

const scenario = loadScenario('scenarios/small.yaml');
const made: readonly [name: string, trace: () => Trace][] = [
  ['a legal trace, eager', () => legalTrace()],
  ['a legal trace, COMBINE beside tiles', () => legalTrace({ beside: true })],
  ['a legal trace, lazy', () => legalTrace({ readiness: 'lazy' })],
  ['a simulated trace, eager', () => simulate(scenario).trace],
  ['a simulated trace, lazy', () => simulate({ ...scenario, readiness: 'lazy' }).trace],
];

/** The invariants that a corrupted trace is said to break. */
function broken(trace: Trace): string[] {
  const { monitors, clean } = checkTrace(trace);
  expect(clean).toBe(false);
  return monitors.filter(({ verdict }) => verdict === 'violated').map(({ id }) => id);
}

function namedBy(corruption: Corruption, trace: Trace): string[] {
  const corrupted = corruption.apply(trace);
  if (!corrupted) throw new Error(`${corruption.name} cannot be planted here`);
  return broken(corrupted);
}

describe.each(made)('planted in %s', (_, make) => {
  const trace = make();

  it('nothing: the trace is clean', () => {
    expect(checkTrace(trace).clean).toBe(true);
  });

  it.each([...eightCorruptions, ...moreCorruptions])('$name: $breaks names it', (corruption) => {
    expect(namedBy(corruption, trace)).toContain(corruption.breaks);
  });
});

describe.each(recorded)('planted in %s', async (file) => {
  const trace = await readTrace(`${fixtures}/${file}`);

  it('nothing: the trace is clean', () => {
    const { monitors, clean } = checkTrace(trace);
    // A policy that lets tasks pass others promises no bounded wait, and a recorded launch of it may show so.
    const broken = monitors.filter(({ verdict, promised }) => verdict === 'violated' && promised);
    expect(broken).toEqual([]);
    expect(clean).toBe(true);
  });

  it.each(eightCorruptions)('$name: $breaks names it', (corruption) => {
    expect(namedBy(corruption, trace)).toContain(corruption.breaks);
  });
});
