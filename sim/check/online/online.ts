import { gemm0Cols, gemm0Tasks, gemm1Cols, gemm1Tasks, taskSpace } from '../../moe/layout.ts';
import { placementOf } from '../../moe/placement.ts';
import type { Scenario } from '../../moe/scenario.ts';
import { shapeOf } from '../../moe/shape-of.ts';
import { type LaunchRows, rankTasks, taskCounts } from '../../moe/task-set.ts';
import { readyCount } from '../../trace/analysis/fields.ts';
import { EventKind, warpsPerActorBlock } from '../../trace/generated/events.ts';
import { LossMeter } from './loss.ts';

/** What an online check is told before the first record. */
export interface OnlineWorld {
  readonly scenario: Scenario;
  /** Kept rows, `[launch][source rank][global expert]`. */
  readonly rows: readonly LaunchRows[];
  /** Processors and subscribers of every rank. */
  readonly processors: number;
  readonly subscribers: number;
  /** The clock of the run: no record handed in later is before it. */
  readonly clock: { readonly now: number };
}

/** Invariants of the protocol reference that records decide as they come. */
export const onlineInvariants = {
  S1: 'every task is published, started and finished once, on one processor',
  S2: 'the tasks that ran are those of the routing',
  S3: 'a GEMM1 task is published when all GEMM0 tasks of its row block are finished',
  T5: 'every actor exits, after all tasks of its rank are finished',
} as const;
export type OnlineInvariant = keyof typeof onlineInvariants;

export interface OnlineViolation {
  readonly id: OnlineInvariant;
  readonly launch: number;
  readonly rank: number;
  readonly message: string;
}

/** What a run has shown so far. Times in ns. */
export interface OnlineSummary {
  /** First record to last, over all ranks, of what was simulated. */
  readonly makespanNs: number;
  readonly records: number;
  /** Tasks finished, and those that all launches together have. */
  readonly tasks: number;
  readonly tasksInAll: number;
  readonly tasksOf: { readonly GEMM0: number; readonly GEMM1: number; readonly COMBINE: number };
  /** Share of processor time (processors x makespan) in tasks; a COMBINE beside a tile adds nothing. */
  readonly utilisation: number;
  /** Processor-ns in which a processor was idle and a published task had not started. */
  readonly workConservationLossNs: number;
  /** Of the invariants in {@link onlineInvariants}; the first twenty. */
  readonly violations: readonly OnlineViolation[];
  readonly violationCount: number;
  /** Launches of ranks that were judged whole, and their number: fewer when the run was stopped. */
  readonly rankLaunchesJudged: number;
  readonly rankLaunches: number;
}

/** Steps of a task: bits of its place in the task space. */
const published = 1;
const started = 2;
const finished = 4;

const shown = 20;

/** What is kept of one rank: a byte a place of the task space, 16 bytes a processor, and its loss. */
interface RankWatch {
  readonly steps: Uint8Array;
  /** Of each processor the two tasks that it may run at once, of which at most one is a GEMM tile, plus one; zero: none. */
  readonly runs: Int32Array;
  /** When each processor last began to run anything. */
  readonly since: Float64Array;
  readonly loss: LossMeter;
  finished: number;
  exits: number;
}

/**
 * Judges and measures a run from its records as they come, without keeping them: for worlds whose traces would not fit. It
 * shares no code with the actors. Memory: a byte a place of the task space and rank, 16 bytes a processor.
 */
export class OnlineCheck {
  readonly #world: OnlineWorld;
  readonly #shape: ReturnType<typeof shapeOf>;
  readonly #placement: ReturnType<typeof placementOf>;
  readonly #ranks: readonly RankWatch[];
  readonly #processors: number;
  readonly #gemm1First: number;
  readonly #combineFirst: number;
  readonly #cols0: number;
  readonly #cols1: number;
  readonly #counts: Float64Array = new Float64Array(3);
  #records = 0;
  #busyNs = 0;
  #first: number = Number.POSITIVE_INFINITY;
  #last = 0;
  #judged = 0;
  #violationCount = 0;
  readonly #violations: OnlineViolation[] = [];

  constructor(world: OnlineWorld) {
    this.#world = world;
    const shape = shapeOf(world.scenario);
    this.#shape = shape;
    this.#placement = placementOf(world.scenario);
    this.#processors = world.processors;
    this.#gemm1First = gemm0Tasks(shape);
    this.#combineFirst = this.#gemm1First + gemm1Tasks(shape);
    this.#cols0 = gemm0Cols(shape);
    this.#cols1 = gemm1Cols(shape);
    this.#ranks = Array.from({ length: shape.ranks }, () => ({
      steps: new Uint8Array(taskSpace(shape)),
      runs: new Int32Array(this.#processors * 2),
      since: new Float64Array(this.#processors),
      loss: new LossMeter(),
      finished: 0,
      exits: 0,
    }));
  }

  /** Tasks finished so far. */
  get tasks(): number {
    return this.#counts.reduce((sum, count) => sum + count, 0);
  }

  /** Tasks that all launches together have. */
  get tasksInAll(): number {
    let tasks = 0;
    for (const rows of this.#world.rows) {
      for (let rank = 0; rank < this.#ranks.length; rank++) {
        tasks += taskCounts(this.#shape, this.#placement, rows, rank).total;
      }
    }
    return tasks;
  }

  /** Takes one record; the parameters of a trace builder. */
  add(
    time: number,
    launch: number,
    rank: number,
    actor: number,
    kind: number,
    _aux: number,
    a: number,
    b: number,
  ): void {
    this.#records++;
    if (time > this.#last) this.#last = time;
    switch (kind) {
      case EventKind.TaskStarted:
        this.#onStarted(time, launch, rank, actor, a);
        break;
      case EventKind.TaskFinished:
        this.#onFinished(time, launch, rank, actor, a);
        break;
      case EventKind.TasksReady:
        this.#onReady(time, launch, rank, a, readyCount(b));
        break;
      case EventKind.DispatchEnd:
        this.#ranks[rank]!.loss.change(this.#world.clock.now, time, 1, 0);
        break;
      case EventKind.Exit:
        this.#onExit(launch, rank);
        break;
      case EventKind.LaunchBegin:
        if (time < this.#first) this.#first = time;
        break;
      default:
    }
  }

  #onReady(time: number, launch: number, rank: number, first: number, count: number): void {
    const watch = this.#ranks[rank]!;
    for (let task = first; task < first + count; task++) {
      this.#step(watch, launch, rank, task, published, 0);
    }
    if (first >= this.#gemm1First && first < this.#combineFirst) {
      const rowBlock = Math.floor((first - this.#gemm1First) / this.#cols1);
      for (let col = 0; col < this.#cols0; col++) {
        const before = rowBlock * this.#cols0 + col;
        if ((watch.steps[before]! & finished) !== 0) continue;
        const what = `GEMM1 task ${first} is published before GEMM0 task ${before} is finished`;
        this.#violate('S3', launch, rank, what);
      }
    }
    watch.loss.change(this.#world.clock.now, time, 0, count);
  }

  #onStarted(time: number, launch: number, rank: number, actor: number, task: number): void {
    const watch = this.#ranks[rank]!;
    const p = actor / warpsPerActorBlock;
    this.#step(watch, launch, rank, task, started, published);
    const [one, other] = [watch.runs[p * 2]!, watch.runs[p * 2 + 1]!];
    const idle = one === 0 && other === 0;
    const beside = this.#runsBeside(one, task) ? other : one;
    if (!this.#runsBeside(one, task) || !this.#runsBeside(other, task) || (one > 0 && other > 0)) {
      const what = `processor ${p} starts task ${task} while it runs task ${beside - 1}`;
      this.#violate('S1', launch, rank, what);
    }
    if (idle) watch.since[p] = time;
    watch.runs[p * 2 + (one === 0 ? 0 : 1)] = task + 1;
    watch.loss.change(this.#world.clock.now, time, idle ? -1 : 0, -1);
  }

  #onFinished(time: number, launch: number, rank: number, actor: number, task: number): void {
    const watch = this.#ranks[rank]!;
    const p = actor / warpsPerActorBlock;
    const own = p * 2 + (watch.runs[p * 2] === task + 1 ? 0 : 1);
    this.#step(watch, launch, rank, task, finished, published | started);
    if (watch.runs[own] !== task + 1) {
      const what = `processor ${p} finishes task ${task}, which it does not run`;
      this.#violate('S1', launch, rank, what);
    }
    watch.runs[own] = 0;
    const idle = watch.runs[p * 2] === 0 && watch.runs[p * 2 + 1] === 0;
    if (idle) this.#busyNs += time - watch.since[p]!;
    const op = task < this.#gemm1First ? 0 : task < this.#combineFirst ? 1 : 2;
    this.#counts[op]!++;
    watch.finished++;
    watch.loss.change(this.#world.clock.now, time, idle ? 1 : 0, 0);
  }

  /** Whether a task may begin beside `open`, a task plus one: two tiles may not run at once. */
  #runsBeside(open: number, task: number): boolean {
    return open === 0 || open > this.#combineFirst || task >= this.#combineFirst;
  }

  /** Marks a step of a task that must have gone through `before` and not through this step. */
  #step(
    watch: RankWatch,
    launch: number,
    rank: number,
    task: number,
    step: number,
    before: number,
  ): void {
    const steps = watch.steps[task];
    if (steps === undefined || steps !== before) {
      const names = ['published', 'started', 'finished'].filter(
        (_, bit) => ((steps ?? 0) >> bit) & 1,
      );
      const name = step === published ? 'published' : step === started ? 'started' : 'finished';
      const had = steps === undefined ? 'is outside the task space' : names.join(' and ') || 'new';
      this.#violate('S1', launch, rank, `task ${task}: ${name}, but it is ${had}`);
    }
    watch.steps[task] = (steps ?? 0) | step;
  }

  #onExit(launch: number, rank: number): void {
    const watch = this.#ranks[rank]!;
    watch.exits++;
    if (watch.exits < this.#processors + this.#world.subscribers + 1) return;
    this.#judgeLaunch(watch, launch, rank);
    watch.exits = 0;
    watch.finished = 0;
    watch.steps.fill(0);
    watch.loss.reset();
  }

  /** Every actor of a launch has exited: what ran is what the routing asks for. */
  #judgeLaunch(watch: RankWatch, launch: number, rank: number): void {
    this.#judged++;
    const expected = rankTasks(this.#shape, this.#placement, this.#world.rows[launch]!, rank);
    for (const task of expected) {
      if ((watch.steps[task]! & finished) !== 0) continue;
      this.#violate('T5', launch, rank, `every actor exited, but task ${task} is not finished`);
    }
    if (watch.finished !== expected.length) {
      const what = `${watch.finished} tasks ran; the routing has ${expected.length}`;
      this.#violate('S2', launch, rank, what);
    }
  }

  #violate(id: OnlineInvariant, launch: number, rank: number, message: string): void {
    this.#violationCount++;
    if (this.#violations.length < shown) this.#violations.push({ id, launch, rank, message });
  }

  /** What the records so far show. A stopped run is measured up to its last record. */
  summary(): OnlineSummary {
    const { scenario } = this.#world;
    const ranks = this.#ranks.length;
    const makespanNs = Math.max(0, this.#last - this.#first);
    const processorNs = makespanNs * ranks * this.#processors;
    for (const { loss } of this.#ranks) loss.flush(Number.POSITIVE_INFINITY);
    return {
      makespanNs,
      records: this.#records,
      tasks: this.tasks,
      tasksInAll: this.tasksInAll,
      tasksOf: {
        GEMM0: this.#counts[0]!,
        GEMM1: this.#counts[1]!,
        COMBINE: this.#counts[2]!,
      },
      utilisation: processorNs === 0 ? 0 : this.#busyNs / processorNs,
      workConservationLossNs: this.#ranks.reduce((sum, { loss }) => sum + loss.lossNs, 0),
      violations: this.#violations,
      violationCount: this.#violationCount,
      rankLaunchesJudged: this.#judged,
      rankLaunches: ranks * scenario.launches,
    };
  }
}
