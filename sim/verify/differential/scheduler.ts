/** The mirrored scheduler. Follows protocol/scheduler.h. */
import { processorHand, subscriberHand } from '../../moe/hand.ts';
import { type QueueEntry, queueTag } from '../../moe/packet.ts';
import { ceilDiv, cellRowBlocks, gemm0Cols, gemm1Cols, rowBlocks } from '../../moe/shape.ts';
import { gemm0Tasks, gemm1Tasks } from '../../moe/task.ts';
import type { WorldSpec } from '../world-spec.ts';
import {
  type Actor,
  barrier,
  keptRows,
  lanes,
  loadDoorbell,
  look,
  myWords,
  nextSequence,
  ringDoorbell,
} from './actor.ts';
import type { Life } from './machine.ts';
import { Order, Scope } from './memory.ts';
import { processorRing, subscriberRing } from './words.ts';

/** GEMM0 tasks a processor that `interleave` does not put off. */
const lastWaves = 2;

const Class = { Gemm0: 0, Gemm1: 1, Combine: 2 } as const;

/** What one launch of the scheduler holds. */
interface Run {
  /** [processor] last sequence rung, and whether it is in a ready list. */
  readonly rung: number[];
  readonly inList: boolean[];
  /** [processor] whether its last task was a COMBINE, under a policy that alternates. */
  readonly tileDue: boolean[];
  /** Processors that may take any task, and those that a tile is due. */
  readonly ready: readonly [number[], number[]];
  /** [class] tasks found and not placed yet; `fifo` has them all in the first. */
  readonly backlogs: readonly [number[], number[], number[]];
  scheduled: number;
}

function* storeWord(a: Actor, at: number, value: number, release = false): Life {
  yield;
  a.machine.store(a.fiber, at, value, 0, release ? Order.Release : Order.Relaxed, Scope.Block);
}

function* loadWord(a: Actor, at: number, scope: 0 | 1): Generator<void, number, void> {
  yield;
  a.machine.load(a.fiber, at, Order.Relaxed, scope);
  return a.machine.memory.lo;
}

/** Sets up the OS block's words, as the explorer's stand-in for the block's start does. */
function* openOsBlock(a: Actor, epoch: number): Life {
  const s = a.shape;
  const words = myWords(a);
  const local = a.words.placement.localExperts(a.rank);
  let bound = s.ranks * local * cellRowBlocks(s) * (gemm0Cols(s) + gemm1Cols(s));
  for (let e = 0; e < s.experts; e++) {
    bound += rowBlocks(s, keptRows(a, epoch, a.rank, e)) * gemm1Cols(s);
  }
  yield* storeWord(a, words.bound, bound);
  for (let i = 0; i < ceilDiv(s.ranks, lanes); i++) yield* storeWord(a, words.corrected + i, 0);
  yield* storeWord(a, words.interrupted, 0);
  yield* storeWord(a, words.osReady, epoch + 1, true);
}

function classOf(a: Actor, task: number): 0 | 1 | 2 {
  if (a.spec.policy === 'fifo' || task < gemm0Tasks(a.shape)) return Class.Gemm0;
  return task < gemm0Tasks(a.shape) + gemm1Tasks(a.shape) ? Class.Gemm1 : Class.Combine;
}

/** What one flight of loads brought. */
interface Flight {
  readonly hand: readonly QueueEntry[][];
  readonly status: readonly number[];
}

/** Looks at the next entries of every queue, if the policy wants them, and at every status word. */
function* launchFlight(a: Actor, run: Run): Generator<void, Flight, void> {
  const { subscribers } = a.spec;
  const hand: QueueEntry[][] = [];
  if (a.spec.policy !== 'fifo' || run.backlogs[0].length < a.spec.processors) {
    for (let q = 0; q <= subscribers; q++) {
      const mine = q < subscribers;
      const size = mine ? subscriberRing(a.shape) : processorRing(a.shape);
      const ring = myWords(a).rings[q] ?? 0;
      const most = mine ? subscriberHand(subscribers) : Math.min(processorHand(subscribers), size);
      const entries: QueueEntry[] = [];
      for (let i = 0; i < most; i++) {
        const ticket = (a.state.heads[q] ?? 0) + i;
        entries.push(yield* look(a, ring, size, ticket, mine ? Scope.Block : Scope.Device));
      }
      hand.push(entries);
    }
  }
  const status: number[] = [];
  for (let p = 0; p < a.spec.processors; p++) {
    status.push(yield* loadWord(a, myWords(a).status + p, Scope.Device));
  }
  return { hand, status };
}

/** Sweeps and places until a sweep places nothing. The next flight leaves before the placements of the last. */
function* sweep(a: Actor, run: Run): Life {
  let flight = yield* launchFlight(a, run);
  for (;;) {
    for (const [p, status] of flight.status.entries()) {
      if (run.inList[p] === true || status !== run.rung[p]) continue;
      run.ready[run.tileDue[p] === true ? 1 : 0].push(p);
      run.inList[p] = true;
    }
    takeHand(a, run, flight.hand);
    if (nextPairing(a.spec, run) === undefined) return;
    flight = yield* launchFlight(a, run);
    yield* placeTasks(a, run);
  }
}

/** Takes each queue's entries in ticket order, up to the first that is not there or finds no room in its backlog. */
function takeHand(a: Actor, run: Run, hand: readonly QueueEntry[][]): void {
  const isThere = (q: number, i: number): boolean =>
    hand[q]?.[i]?.tag === queueTag((a.state.heads[q] ?? 0) + i);
  if (!hand.some((entries, q) => entries.some((_, i) => isThere(q, i)))) return;
  a.machine.memory.acquireFence(a.fiber, Scope.Device);
  a.machine.memory.releaseFence(a.fiber, Scope.Device);
  let rest = hand.map((entries, q) => {
    const missing = entries.findIndex((_, i) => !isThere(q, i));
    return missing < 0 ? [...entries] : entries.slice(0, missing);
  });
  const backlogOf = (entry: QueueEntry): number[] => run.backlogs[classOf(a, entry.first)];
  // As long as an entry finds no room behind those before it: without it, and those behind it in its queue.
  for (let settled = false; !settled; ) {
    settled = true;
    const sums = new Map<number[], number>();
    rest = rest.map((entries) => {
      let kept = entries.length;
      for (const [i, entry] of entries.entries()) {
        const backlog = backlogOf(entry);
        const sum = (sums.get(backlog) ?? 0) + entry.count;
        sums.set(backlog, sum);
        if (sum > a.spec.backlog - backlog.length) kept = Math.min(kept, i);
      }
      if (kept < entries.length) settled = false;
      return entries.slice(0, kept);
    });
  }
  for (const [q, entries] of rest.entries()) {
    for (const entry of entries) {
      for (let t = 0; t < entry.count; t++) backlogOf(entry).push(entry.first + t);
    }
    a.state.heads[q] = (a.state.heads[q] ?? 0) + entries.length;
  }
}

/** Which class goes to which list next; undefined when nothing can be placed. */
function nextPairing(
  { policy, processors }: WorldSpec,
  run: Run,
): readonly [0 | 1 | 2, 0 | 1] | undefined {
  const waits = run.backlogs.map((tasks) => tasks.length > 0);
  const [open, due] = run.ready.map((list) => list.length > 0);
  const gemm0 = run.backlogs[Class.Gemm0].length;
  const putsOff = policy !== 'interleave' || gemm0 === 0 || gemm0 > lastWaves * processors;
  const tile = waits[Class.Gemm1] === true && putsOff ? Class.Gemm1 : Class.Gemm0;
  if (policy === 'interleave') {
    if (waits[Class.Combine] === true && open === true) return [Class.Combine, 0];
    if (waits[tile] === true && due === true) return [tile, 1];
    if (waits[tile] === true) return open === true ? [tile, 0] : undefined;
    return waits[Class.Combine] === true && due === true ? [Class.Combine, 1] : undefined;
  }
  if (open !== true) return undefined;
  if (tile === Class.Gemm1) return [Class.Gemm1, 0];
  if (waits[Class.Combine] === true) return [Class.Combine, 0];
  return waits[Class.Gemm0] === true ? [Class.Gemm0, 0] : undefined;
}

function* placeTasks(a: Actor, run: Run): Life {
  for (;;) {
    const pairing = nextPairing(a.spec, run);
    if (pairing === undefined) return;
    const [kind, list] = pairing;
    const backlog = run.backlogs[kind];
    const ready = run.ready[list];
    const batch = Math.min(backlog.length, ready.length, lanes);
    const tasks = backlog.splice(0, batch);
    const processors = ready.splice(0, batch);
    for (const [i, p] of processors.entries()) {
      const sequence = nextSequence(run.rung[p] ?? 0);
      run.rung[p] = sequence;
      run.inList[p] = false;
      run.tileDue[p] = a.spec.policy === 'interleave' && kind === Class.Combine;
      yield* ringDoorbell(a, p, { task: tasks[i] ?? 0, sequence, exit: false }, Order.Relaxed);
    }
    run.scheduled += batch;
  }
}

function* interruptProcessors(a: Actor, run: Run): Life {
  const count = a.spec.processors;
  for (let base = 0; base < count; base += lanes) {
    const waiting = new Set<number>();
    for (let p = base; p < Math.min(base + lanes, count); p++) waiting.add(p);
    const all = [...waiting];
    yield* a.machine.spin(a.fiber, function* () {
      for (const p of all) {
        if (!waiting.has(p)) continue;
        if (run.inList[p] === true) waiting.delete(p);
        else if ((yield* loadWord(a, myWords(a).status + p, Scope.Device)) === run.rung[p]) {
          waiting.delete(p);
        }
      }
      return waiting.size === 0;
    });
    for (const p of all) {
      const sequence = nextSequence(run.rung[p] ?? 0);
      yield* ringDoorbell(a, p, { task: 0, sequence, exit: true });
    }
  }
}

/** One launch of the scheduler. */
export function* schedulerLaunch(a: Actor, epoch: number): Life {
  yield* barrier(a, epoch);
  yield* openOsBlock(a, epoch);
  const run: Run = {
    rung: [],
    inList: [],
    tileDue: [],
    ready: [[], []],
    backlogs: [[], [], []],
    scheduled: 0,
  };
  for (let p = 0; p < a.spec.processors; p++) {
    run.rung.push((yield* loadDoorbell(a, p, Order.Relaxed)).sequence);
    run.inList.push(false);
    run.tileDue.push(false);
  }
  const { bound, interrupted } = myWords(a);
  yield* loadWord(a, bound, Scope.Block);
  yield* a.machine.spin(a.fiber, function* () {
    yield* sweep(a, run);
    return (yield* loadWord(a, bound, Scope.Block)) === run.scheduled;
  });
  yield* loadWord(a, bound, Scope.Block);
  yield* storeWord(a, interrupted, 1, true);
  yield* interruptProcessors(a, run);
}
