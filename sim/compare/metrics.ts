import { EventKind, warpsPerActorBlock } from '../trace/generated/events.ts';
import type { Trace } from '../trace/trace.ts';
import { type Distribution, distribution } from './distribution.ts';
import { type Latencies, latencySamples } from './latencies.ts';
import { judgedLaunches, type LaunchRows, launchRows } from './launches.ts';
import {
  type ProcessorState,
  processorStates,
  processorTime,
  type StateStep,
  stateSteps,
} from './processor-time.ts';
import { type OpName, ops, type TaskSpan, taskSpans } from './task-spans.ts';
import { type World, worldOf } from './world.ts';

/** What one trace shows, over its judged launches and all ranks. Times in ns, shares between 0 and 1. */
export interface TraceMetrics {
  /** Launches of the scenario, from 0, that the figures are taken from. */
  readonly launches: readonly number[];
  readonly skippedWarmUp: boolean;
  /** First event of a launch to its last, over all ranks. */
  readonly makespanNs: Distribution;
  /** Started to finished, by operation; of COMBINE tasks also those beside GEMM tiles. */
  readonly taskNs: Readonly<Record<OpName, Distribution>>;
  /** Share of processor time (processors x makespan) in each state; sums to one. */
  readonly share: Readonly<Record<ProcessorState, number>>;
  /** Share of processor time in tasks; a COMBINE beside a GEMM tile adds nothing. */
  readonly utilisation: number;
  /** Share of processor time from a block's first event to its exit: spinning counts. */
  readonly residentUtilisation: number;
  /** Processor-ns per launch in which a processor was idle and a ready task had not started. */
  readonly workConservationLossNs: number;
  /** Share of the time with signals in flight in which tasks ran too; null where nothing was ever in flight. */
  readonly overlap: number | null;
  readonly latencyNs: Latencies;
}

/**
 * Measures a trace. `positions` names the launches of the scenario to measure; left out: all but a recorded warm-up.
 */
export function traceMetrics(trace: Trace, positions?: ReadonlySet<number>): TraceMetrics {
  const world = worldOf(trace);
  const judged = judgedLaunches(trace);
  const chosen = positions
    ? launchRows(trace).filter((rows) => positions.has(rows.position))
    : judged.launches;
  const views = chosen.map((rows) => launchView(trace, world, rows));
  const spans = views.flatMap((view) => view.spans);
  const processorNs = views.reduce((sum, view) => sum + view.processorNs, 0);
  const totals = processorStates.map((_, state) =>
    views.reduce((sum, view) => sum + (view.stateNs[state] ?? 0), 0),
  );
  const share = Object.fromEntries(
    processorStates.map((name, state) => [name, ratio(totals[state] ?? 0, processorNs)]),
  ) as Record<ProcessorState, number>;
  const residentNs = views.reduce((sum, view) => sum + view.residentNs, 0);
  const schedulerNs = totals[processorStates.indexOf('scheduler')] ?? 0;
  const flightNs = views.reduce((sum, view) => sum + view.flightNs, 0);
  const hiddenNs = views.reduce((sum, view) => sum + view.hiddenNs, 0);
  return {
    launches: chosen.map((rows) => rows.position),
    skippedWarmUp: judged.skippedWarmUp && !chosen.some((rows) => rows.position === 0),
    makespanNs: distribution(views.map((view) => view.makespanNs)),
    taskNs: taskDurations(spans),
    share,
    utilisation: share.GEMM0 + share.GEMM1 + share.COMBINE,
    residentUtilisation: ratio(residentNs, processorNs),
    workConservationLossNs: ratio(schedulerNs, views.length),
    overlap: flightNs === 0 ? null : hiddenNs / flightNs,
    latencyNs: latencySamples(trace, chosen, spans),
  };
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function taskDurations(spans: readonly TaskSpan[]): Record<OpName, Distribution> {
  return Object.fromEntries(
    ops.map((op) => [
      op,
      distribution(
        spans.filter((span) => span.op === op).map((span) => span.finished - span.started),
      ),
    ]),
  ) as Record<OpName, Distribution>;
}

interface LaunchView {
  readonly spans: readonly TaskSpan[];
  readonly makespanNs: number;
  /** Processors of all ranks x makespan. */
  readonly processorNs: number;
  readonly stateNs: readonly number[];
  readonly residentNs: number;
  /** Time, summed over ranks, with a signal to the rank in flight; and the part of it in which the rank ran tasks. */
  readonly flightNs: number;
  readonly hiddenNs: number;
}

function launchView(trace: Trace, world: World, rows: LaunchRows): LaunchView {
  const makespanNs = trace.events.time[rows.end - 1] ?? 0;
  const stateNs = new Array<number>(processorStates.length).fill(0);
  let flightNs = 0;
  let hiddenNs = 0;
  for (const rank of world.processors.keys()) {
    const steps = stateSteps(trace, world, rows, rank);
    for (const [state, ns] of processorTime(steps, makespanNs).entries()) {
      stateNs[state] = (stateNs[state] ?? 0) + ns;
    }
    const flight = flightTime(steps, makespanNs);
    flightNs += flight.total;
    hiddenNs += flight.hidden;
  }
  return {
    spans: taskSpans(trace, world, rows),
    makespanNs,
    processorNs: makespanNs * world.processors.reduce((sum, count) => sum + count, 0),
    stateNs,
    residentNs: residentTime(trace, world, rows, makespanNs),
    flightNs,
    hiddenNs,
  };
}

function flightTime(steps: readonly StateStep[], end: number): { total: number; hidden: number } {
  const tasks = ops.map((op) => processorStates.indexOf(op));
  let total = 0;
  let hidden = 0;
  for (const [index, step] of steps.entries()) {
    if (step.signalsInFlight <= 0) continue;
    const length = (steps[index + 1]?.time ?? end) - step.time;
    total += length;
    if (tasks.some((state) => (step.processors[state] ?? 0) > 0)) hidden += length;
  }
  return { total, hidden };
}

/** Processor time from each block's first event to its exit, or to the end of the launch where it has no exit. */
function residentTime(trace: Trace, world: World, rows: LaunchRows, end: number): number {
  const { time, rank, actor, kind } = trace.events;
  const resident = new Map<number, { from: number; to: number }>();
  for (let row = rows.begin; row < rows.end; row++) {
    const owner = rank[row] ?? 0;
    const block = Math.floor((actor[row] ?? 0) / warpsPerActorBlock);
    if (block >= (world.processors[owner] ?? 0)) continue;
    const id = owner * 4294967296 + block;
    const span = resident.get(id) ?? { from: time[row] ?? 0, to: end };
    if (kind[row] === EventKind.Exit) span.to = time[row] ?? 0;
    resident.set(id, span);
  }
  return [...resident.values()].reduce((sum, span) => sum + span.to - span.from, 0);
}
