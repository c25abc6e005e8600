/** The mirrored scheduler. Follows protocol/scheduler.h. */
import { queueTag } from '../../moe/packet.ts';
import { ceilDiv, cellRowBlocks, gemm0Cols, gemm1Cols, rowBlocks } from '../../moe/shape.ts';
import {
  type Actor,
  barrier,
  keptRows,
  lanes,
  loadDoorbell,
  myWords,
  nextSequence,
  peek,
  ringDoorbell,
} from './actor.ts';
import type { Life } from './machine.ts';
import { Order, Scope } from './memory.ts';
import { processorRing, roundUpPow2, subscriberRing } from './words.ts';

/** What one launch of the scheduler holds. */
interface Run {
  /** [processor] last sequence rung, and whether it is in the ready queue. */
  readonly rung: number[];
  readonly inQueue: boolean[];
  readonly ready: number[];
  /** Tasks of the open hand that are not placed yet. */
  readonly hand: number[];
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

function* sweepStatus(a: Actor, run: Run): Life {
  const seen: number[] = [];
  for (let p = 0; p < a.spec.processors; p++) {
    seen.push(yield* loadWord(a, myWords(a).status + p, Scope.Device));
  }
  for (const [p, status] of seen.entries()) {
    if (run.inQueue[p] === true || status !== run.rung[p]) continue;
    run.ready.push(p);
    run.inQueue[p] = true;
  }
}

/** Takes up to `each` entries in a row of every queue. Every lane looks, also past an entry that is not there. */
function* openHand(a: Actor, run: Run): Generator<void, boolean, void> {
  const queues = a.spec.subscribers + 1;
  const each = Math.min(4, lanes / roundUpPow2(queues));
  for (let q = 0; q < queues; q++) {
    const mine = q < a.spec.subscribers;
    const size = mine ? subscriberRing(a.shape) : processorRing(a.shape);
    const head = a.state.heads[q] ?? 0;
    let inOrder = 0;
    for (let i = 0; i < each; i++) {
      const ring = myWords(a).rings[q] ?? 0;
      const entry = yield* peek(a, ring, size, head + i, mine ? Scope.Block : Scope.Device);
      if (entry.tag !== queueTag(head + i) || inOrder !== i) continue;
      inOrder++;
      for (let t = 0; t < entry.count; t++) run.hand.push(entry.first + t);
    }
    a.state.heads[q] = head + inOrder;
  }
  return run.hand.length > 0;
}

function* placeTasks(a: Actor, run: Run): Life {
  while (run.hand.length > 0 || (yield* openHand(a, run))) {
    if (run.ready.length === 0) return;
    const batch = Math.min(run.hand.length, run.ready.length, lanes);
    const tasks = run.hand.splice(0, batch);
    const processors = run.ready.splice(0, batch);
    for (const [i, p] of processors.entries()) {
      const sequence = nextSequence(run.rung[p] ?? 0);
      run.rung[p] = sequence;
      run.inQueue[p] = false;
      yield* ringDoorbell(a, p, { task: tasks[i] ?? 0, sequence, exit: false });
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
        if (run.inQueue[p] === true) waiting.delete(p);
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
  const run: Run = { rung: [], inQueue: [], ready: [], hand: [], scheduled: 0 };
  for (let p = 0; p < a.spec.processors; p++) {
    run.rung.push((yield* loadDoorbell(a, p, Order.Relaxed)).sequence);
    run.inQueue.push(false);
  }
  const { bound, interrupted } = myWords(a);
  yield* loadWord(a, bound, Scope.Block);
  yield* a.machine.spin(a.fiber, function* () {
    yield* sweepStatus(a, run);
    yield* placeTasks(a, run);
    return (yield* loadWord(a, bound, Scope.Block)) === run.scheduled;
  });
  yield* loadWord(a, bound, Scope.Block);
  yield* storeWord(a, interrupted, 1, true);
  yield* interruptProcessors(a, run);
}
