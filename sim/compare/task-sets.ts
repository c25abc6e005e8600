import { taskName } from '../moe/layout.ts';
import { EventKind } from '../trace/generated/events.ts';
import type { Trace, TraceHeader } from '../trace/trace.ts';
import { launchRows } from './launches.ts';
import { type World, worldOf } from './world.ts';

/** One way in which the two halves did not do the same work. */
export interface WorkMismatch {
  /** Launch of the scenario, from 0. */
  readonly launch: number;
  readonly rank: number;
  readonly message: string;
}

/** Whether both halves did the same work: equal routing, and the same tasks, each exactly once. */
export interface TaskSetMatch {
  readonly matched: boolean;
  /** Launches of the scenario, from 0, that were compared. */
  readonly launches: readonly number[];
  /** Tasks of all compared launches and ranks, as the simulator ran them. */
  readonly tasks: number;
  readonly mismatches: readonly WorkMismatch[];
  /** All mismatches found; `mismatches` holds the first {@link mismatchesKept}. */
  readonly mismatchCount: number;
}

/** Mismatches that are kept with their message: enough to see a pattern, small enough to print. */
export const mismatchesKept = 20;

/** Compares the work of the launches of the scenario that both traces hold. */
export function matchTaskSets(simulated: Trace, measured: Trace): TaskSetMatch {
  const world = worldOf(simulated);
  const left = executions(simulated);
  const right = executions(measured);
  const launches = [...left.keys()].filter((launch) => right.has(launch));
  const found = new Mismatches();
  let tasks = 0;
  for (const launch of launches) {
    compareRows(simulated.header, measured.header, launch, found);
    for (let rank = 0; rank < world.shape.ranks; rank++) {
      const ours = left.get(launch)?.get(rank) ?? new Map<number, number>();
      const theirs = right.get(launch)?.get(rank) ?? new Map<number, number>();
      tasks += ours.size;
      compareTasks(world, launch, rank, ours, theirs, found);
    }
  }
  return {
    matched: launches.length > 0 && found.count === 0,
    launches,
    tasks,
    mismatches: found.kept,
    mismatchCount: found.count,
  };
}

class Mismatches {
  readonly kept: WorkMismatch[] = [];
  count = 0;

  add(launch: number, rank: number, message: string): void {
    this.count++;
    if (this.kept.length < mismatchesKept) this.kept.push({ launch, rank, message });
  }
}

/** How often each task finished: `launch of the scenario -> rank -> task -> times`. */
type Executions = Map<number, Map<number, Map<number, number>>>;

function executions(trace: Trace): Executions {
  const { rank, kind, a } = trace.events;
  const all: Executions = new Map();
  for (const rows of launchRows(trace)) {
    const ranks = new Map<number, Map<number, number>>();
    for (let row = rows.begin; row < rows.end; row++) {
      if (kind[row] !== EventKind.TaskFinished) continue;
      const owner = rank[row] ?? 0;
      const tasks = ranks.get(owner) ?? new Map<number, number>();
      const task = a[row] ?? 0;
      tasks.set(task, (tasks.get(task) ?? 0) + 1);
      ranks.set(owner, tasks);
    }
    all.set(rows.position, ranks);
  }
  return all;
}

function compareRows(
  simulated: TraceHeader,
  measured: TraceHeader,
  launch: number,
  found: Mismatches,
): void {
  const ours = simulated.rows[launch] ?? [];
  const theirs = measured.rows[launch] ?? [];
  for (let source = 0; source < Math.max(ours.length, theirs.length); source++) {
    const experts = Math.max(ours[source]?.length ?? 0, theirs[source]?.length ?? 0);
    for (let expert = 0; expert < experts; expert++) {
      const left = ours[source]?.[expert];
      const right = theirs[source]?.[expert];
      if (left === right) continue;
      const detail = `simulated ${left ?? 'none'}, measured ${right ?? 'none'}`;
      found.add(launch, source, `rows routed to expert ${expert} differ: ${detail}`);
    }
  }
}

function compareTasks(
  world: World,
  launch: number,
  rank: number,
  ours: ReadonlyMap<number, number>,
  theirs: ReadonlyMap<number, number>,
  found: Mismatches,
): void {
  for (const task of new Set([...ours.keys(), ...theirs.keys()])) {
    const left = ours.get(task) ?? 0;
    const right = theirs.get(task) ?? 0;
    if (left === 1 && right === 1) continue;
    const name = taskName(world.shape, task);
    found.add(launch, rank, `${name} ran ${left}x simulated, ${right}x measured`);
  }
}
