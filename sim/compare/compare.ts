import { recordedHash } from '../moe/recorded-scenario.ts';
import { processorsOf } from '../trace/rank-actors.ts';
import type { Trace, TraceHeader } from '../trace/trace.ts';
import { figures } from './figures.ts';
import { judgedLaunches, type LaunchRows, launchRows } from './launches.ts';
import { type TraceMetrics, traceMetrics } from './metrics.ts';
import { matchTaskSets, type TaskSetMatch } from './task-sets.ts';

/** One figure of both halves. */
export interface FigureError {
  readonly id: string;
  readonly title: string;
  readonly unit: 'ns' | 'share' | 'processor-ns';
  readonly simulated: number | null;
  readonly measured: number | null;
  /** (simulated - measured) / measured; null where either is unknown or the measured figure is zero. */
  readonly error: number | null;
}

/** The simulator against the GPU on one scenario. */
export interface Comparison {
  readonly scenarioHash: string;
  /** Launches of the scenario, from 0, that the figures are taken from: held by both, without a recorded warm-up. */
  readonly launches: readonly number[];
  readonly skippedWarmUp: boolean;
  /** Settings in which the halves differ, so that their figures differ for that reason too; best is none. */
  readonly settings: readonly string[];
  readonly taskSets: TaskSetMatch;
  readonly simulated: TraceMetrics;
  readonly measured: TraceMetrics;
  readonly errors: readonly FigureError[];
}

/** Two traces that cannot be compared at all. */
export class ComparisonError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ComparisonError';
  }
}

/**
 * Compares two traces of the same scenario. Different work is a result ({@link Comparison.taskSets}), not an
 * exception; different scenarios, or no launch in common, throw {@link ComparisonError}.
 */
export function compareTraces(simulated: Trace, measured: Trace): Comparison {
  const [ours, theirs] = [simulated, measured].map(({ header }) => recordedHash(header));
  if (ours !== theirs) {
    throw new ComparisonError(
      'the traces are of different scenarios: expected scenario hash ' +
        `${ours} (simulated), got ${theirs} (measured)`,
    );
  }
  const judged = judgedLaunches(measured);
  const held = new Set(launchRows(simulated).map((rows) => rows.position));
  const launches = judged.launches
    .map((rows) => rows.position)
    .filter((position) => held.has(position));
  if (launches.length === 0) {
    throw new ComparisonError(
      `the traces have no launch of the scenario in common: ` +
        `simulated ${list(launchRows(simulated))}, measured ${list(judged.launches)}`,
    );
  }
  const chosen = new Set(launches);
  const left = traceMetrics(simulated, chosen);
  const right = traceMetrics(measured, chosen);
  return {
    scenarioHash: simulated.header.scenarioHash,
    launches,
    skippedWarmUp: judged.skippedWarmUp,
    settings: differingSettings(simulated.header, measured.header),
    taskSets: matchTaskSets(simulated, measured),
    simulated: left,
    measured: right,
    errors: figureErrors(left, right),
  };
}

/** Every figure of both halves with its relative error. */
export function figureErrors(simulated: TraceMetrics, measured: TraceMetrics): FigureError[] {
  const theirs = new Map(figures(measured).map((figure) => [figure.id, figure.value]));
  return figures(simulated).map(({ id, title, unit, value }) => {
    const other = theirs.get(id) ?? null;
    const known = value !== null && other !== null && other !== 0;
    const error = known ? (value - other) / other : null;
    return { id, title, unit, simulated: value, measured: other, error };
  });
}

function list(launches: readonly LaunchRows[]): string {
  return launches.map((rows) => rows.position).join(', ') || 'none';
}

function differingSettings(simulated: TraceHeader, measured: TraceHeader): readonly string[] {
  const settings: readonly (readonly [string, (header: TraceHeader) => string])[] = [
    ['policy', (header) => header.policy],
    ['readiness', (header) => header.readiness],
    ['blocks of the ranks', (header) => header.ranks.map((rank) => rank.blocks).join(', ')],
    ['processors of the ranks', ({ ranks }) => ranks.map(processorsOf).join(', ')],
    ['subscribers of the ranks', ({ ranks }) => ranks.map((rank) => rank.subscribers).join(', ')],
  ];
  return settings
    .map(([name, of]) => [name, of(simulated), of(measured)] as const)
    .filter(([, ours, theirs]) => ours !== theirs)
    .map(([name, ours, theirs]) => `${name}: simulated ${ours}, measured ${theirs}`);
}
