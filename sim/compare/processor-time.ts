import { dispatchFlags, gemm0Cols, rowBlocks } from '../moe/layout.ts';
import { readyCount, signalRows } from '../trace/analysis/fields.ts';
import { EventKind, warpsPerActorBlock } from '../trace/generated/events.ts';
import type { Trace } from '../trace/trace.ts';
import type { LaunchRows } from './launches.ts';
import { type OpName, opName, ops } from './task-spans.ts';
import type { World } from './world.ts';

/**
 * What a processor's time goes to. Every nanosecond of every processor from the first event of the launch to its last
 * is in exactly one state:
 * - `prologue`: not yet a processor (start skew, gate, barrier, dispatch);
 * - a task operation; a processor that runs a COMBINE beside a GEMM tile is in the tile's;
 * - `scheduler`: idle while a task is ready but not started: one more placement would have used this processor;
 * - `network`: idle, and a signal in flight carries a task for it;
 * - `dependency`: idle, and a task for it still waits for other tasks or for a peer to send;
 * - `no task`: idle, and the rank has no further task for it in this launch;
 * - `exited`: left, while other blocks or ranks still work.
 *
 * Idle processors are interchangeable, so the idle reasons are filled in this order: of n idle processors, as many wait
 * for the scheduler as there are waiting tasks, and so on.
 */
export const processorStates = [
  'prologue',
  'GEMM0',
  'GEMM1',
  'COMBINE',
  'scheduler',
  'network',
  'dependency',
  'no task',
  'exited',
] as const;
export type ProcessorState = (typeof processorStates)[number];

/** Number of a rank's processors in each state, from `time` to the next step. Indexed as {@link processorStates}. */
export interface StateStep {
  readonly time: number;
  readonly processors: readonly number[];
  /** Signals with rows that were sent to the rank and not yet observed. */
  readonly signalsInFlight: number;
}

/** Counters of one rank that move with its events. Tasks not yet ready are known from the launch's own total. */
interface Counters {
  prologue: number;
  exited: number;
  /** Processors in each operation. */
  readonly running: Record<OpName, number>;
  /** Tasks that each processor runs, `[processor][operation]`. */
  readonly tasks: Int32Array;
  /** Ready and not started: queued, or behind another task in a mailbox. */
  waiting: number;
  inFlightTasks: number;
  inFlightSignals: number;
  /** Not ready yet, signals in flight included. */
  unready: number;
}

/** States of one rank's processors over one launch, as a step function that starts at time zero. */
export function stateSteps(
  trace: Trace,
  world: World,
  rows: LaunchRows,
  rank: number,
): readonly StateStep[] {
  const processors = world.processors[rank] ?? 0;
  const { time } = trace.events;
  const counters: Counters = {
    prologue: processors,
    exited: 0,
    running: { GEMM0: 0, GEMM1: 0, COMBINE: 0 },
    tasks: new Int32Array(processors * ops.length),
    waiting: 0,
    inFlightTasks: 0,
    inFlightSignals: 0,
    unready: readyTotal(trace, rows, rank),
  };
  const flags = new Map<number, 'sent' | 'observed'>();
  const steps: StateStep[] = [stepOf(0, counters, processors)];
  for (let row = rows.begin; row < rows.end; row++) {
    if (!move(trace, world, row, rank, counters, flags)) continue;
    const at = time[row] ?? 0;
    if (steps.at(-1)?.time === at) steps.pop();
    steps.push(stepOf(at, counters, processors));
  }
  return steps;
}

/** Nanoseconds that the rank's processors spent in each state until `end`; the sum is processors x end. */
export function processorTime(steps: readonly StateStep[], end: number): readonly number[] {
  const total = new Array<number>(processorStates.length).fill(0);
  for (const [index, step] of steps.entries()) {
    const length = (steps[index + 1]?.time ?? end) - step.time;
    for (const [state, count] of step.processors.entries()) {
      total[state] = (total[state] ?? 0) + count * length;
    }
  }
  return total;
}

function readyTotal(trace: Trace, rows: LaunchRows, rank: number): number {
  const { kind, b } = trace.events;
  let total = 0;
  for (let row = rows.begin; row < rows.end; row++) {
    if (kind[row] !== EventKind.TasksReady || trace.events.rank[row] !== rank) continue;
    total += readyCount(b[row] ?? 0);
  }
  return total;
}

/** Applies one event to the counters of `rank`; false when it moves none. */
function move(
  trace: Trace,
  world: World,
  row: number,
  rank: number,
  counters: Counters,
  flags: Map<number, 'sent' | 'observed'>,
): boolean {
  const { actor, kind, aux, a, b } = trace.events;
  const what = kind[row];
  if (what === EventKind.SignalSent) {
    return aux[row] === rank && signalSent(world, a[row] ?? 0, b[row] ?? 0, counters, flags);
  }
  if (trace.events.rank[row] !== rank) return false;
  if (what === EventKind.SignalObserved) {
    return signalObserved(world, a[row] ?? 0, b[row] ?? 0, counters, flags);
  }
  if (what === EventKind.TasksReady) {
    const count = readyCount(b[row] ?? 0);
    counters.waiting += count;
    counters.unready -= count;
    return true;
  }
  const block = Math.floor((actor[row] ?? 0) / warpsPerActorBlock);
  if (block >= (world.processors[rank] ?? 0)) return false;
  switch (what) {
    case EventKind.DispatchEnd:
      counters.prologue--;
      return true;
    case EventKind.TaskStarted:
      runTask(counters, block, opName(world, a[row] ?? 0), 1);
      counters.waiting--;
      return true;
    case EventKind.TaskFinished:
      runTask(counters, block, opName(world, a[row] ?? 0), -1);
      return true;
    case EventKind.Exit:
      counters.exited++;
      return true;
    default:
      return false;
  }
}

/** A processor starts (1) or finishes (-1) a task: it moves from one operation, or none, to another. */
function runTask({ tasks, running }: Counters, processor: number, op: OpName, by: 1 | -1): void {
  const first = processor * ops.length;
  const before = opOf(tasks, first);
  const at = first + ops.indexOf(op);
  tasks[at] = (tasks[at] ?? 0) + by;
  const after = opOf(tasks, first);
  if (before !== undefined) running[before]--;
  if (after !== undefined) running[after]++;
}

/** Operation that a processor counts for: its tile's, or COMBINE without one. Its counts begin at `first`. */
function opOf(tasks: Int32Array, first: number): OpName | undefined {
  return ops.find((_, i) => (tasks[first + i] ?? 0) > 0);
}

function signalSent(
  world: World,
  flag: number,
  packed: number,
  counters: Counters,
  flags: Map<number, 'sent' | 'observed'>,
): boolean {
  const tasks = tasksOfSignal(world, flag, packed);
  // Observed first: clocks of two ranks may disagree by the trace's residual. Then it was never in flight to us.
  if (tasks === 0 || flags.has(flag)) return false;
  flags.set(flag, 'sent');
  counters.inFlightTasks += tasks;
  counters.inFlightSignals++;
  return true;
}

function signalObserved(
  world: World,
  flag: number,
  packed: number,
  counters: Counters,
  flags: Map<number, 'sent' | 'observed'>,
): boolean {
  const tasks = tasksOfSignal(world, flag, packed);
  const before = flags.get(flag);
  if (tasks === 0 || before === 'observed') return false;
  flags.set(flag, 'observed');
  if (before === undefined) return false;
  counters.inFlightTasks -= tasks;
  counters.inFlightSignals--;
  return true;
}

/** Tasks that become ready when the signal is observed. */
function tasksOfSignal(world: World, flag: number, packed: number): number {
  const rows = signalRows(packed);
  if (rows === 0) return 0;
  if (flag >= dispatchFlags(world.shape)) return 1;
  return rowBlocks(world.shape, rows) * gemm0Cols(world.shape);
}

/** Counts of processors by state. Clamped at zero: clocks that disagree may show an end before its begin. */
function stepOf(time: number, counters: Counters, processors: number): StateStep {
  const prologue = Math.max(0, counters.prologue);
  const exited = Math.min(Math.max(0, counters.exited), processors - prologue);
  let left = processors - prologue - exited;
  const take = (wanted: number): number => {
    const taken = Math.min(left, Math.max(0, wanted));
    left -= taken;
    return taken;
  };
  const gemm0 = take(counters.running.GEMM0);
  const gemm1 = take(counters.running.GEMM1);
  const combine = take(counters.running.COMBINE);
  const scheduler = take(counters.waiting);
  const network = take(counters.inFlightTasks);
  const dependency = take(counters.unready - counters.inFlightTasks);
  return {
    time,
    processors: [prologue, gemm0, gemm1, combine, scheduler, network, dependency, left, exited],
    signalsInFlight: counters.inFlightSignals,
  };
}
