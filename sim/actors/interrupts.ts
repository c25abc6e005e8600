import { EventKind } from '../trace/generated/events.ts';
import { firstPollAt } from './polling.ts';
import { Real, realStride, Word, wordStride } from './processor-words.ts';
import type { SchedulerRun } from './scheduler-run.ts';
import { schedulerActor, type World } from './world.ts';

/** Processors whose status one load covers. */
const lanes = 32;

/** In an Interrupt event: `aux` of a subscriber is this plus its number. */
const subscriberBit = 0x8000;

/** The end of a scheduler's launch. */
export interface InterruptRun {
  /** Looks again at the batch being interrupted: a status was published, or the phase began. */
  note(run: SchedulerRun): void;
}

/** Interrupts the subscribers at `time` and turns the scheduler to its processors. */
export function startInterrupts(world: World, run: SchedulerRun, time: number): void {
  const { state } = run;
  const actor = schedulerActor(world);
  for (let s = 0; s < world.subscribers; s++) {
    const aux = subscriberBit + s;
    world.sink.add(time, state.epoch, state.rank, actor, EventKind.Interrupt, aux, 0, 0);
  }
  world.sim.at(time, world.handlers.interruptSubscribers, state.rank, 0);
  state.allRead = true;
  run.phase = 'interrupting';
  run.wakeAt = Number.POSITIVE_INFINITY;
  run.batch = 0;
  run.batchSince = time;
}

/**
 * Rings the exit doorbell of every processor, 32 at a time: a batch is polled until all its mailboxes are free. Processors
 * in the ready queue are free already.
 */
export function interruptProcessors(
  world: World,
  runs: readonly SchedulerRun[],
  nextSequence: (run: SchedulerRun, processor: number) => number,
): InterruptRun {
  const { sim, machine, sink, handlers } = world;
  const actor = schedulerActor(world);
  const onPoll = sim.handle((rank) => {
    const run = runs[rank]!;
    if (run.phase !== 'interrupting' || sim.now !== run.wakeAt) return;
    run.wakeAt = Number.POSITIVE_INFINITY;
    ringBatch(run);
  });

  /** When every mailbox of the current batch is seen free; Infinity while one is not free yet. */
  function batchVisible(run: SchedulerRun): number {
    const { state } = run;
    const end = Math.min(world.processors, (run.batch + 1) * lanes);
    let last = run.batchSince;
    for (let p = run.batch * lanes; p < end; p++) {
      if (run.ready.has(p)) continue;
      if (!state.unreadStatus.has(p)) return Number.POSITIVE_INFINITY;
      last = Math.max(last, state.processors.reals[p * realStride + Real.statusVisible]!);
    }
    return last;
  }

  function note(run: SchedulerRun): void {
    const visible = batchVisible(run);
    if (visible === Number.POSITIVE_INFINITY) return;
    const { statusPollNs } = machine;
    const at = firstPollAt(run.batchSince + statusPollNs, statusPollNs, visible);
    if (at === run.wakeAt) return;
    run.wakeAt = at;
    sim.at(at, onPoll, run.state.rank, 0);
  }

  function ringBatch(run: SchedulerRun): void {
    const { state } = run;
    const { words } = state.processors;
    const end = Math.min(world.processors, (run.batch + 1) * lanes);
    for (let p = run.batch * lanes; p < end; p++) {
      state.unreadStatus.delete(p);
      const sequence = nextSequence(run, p);
      words[p * wordStride + Word.bellTask] = 0;
      words[p * wordStride + Word.bellExit] = 1;
      sink.add(sim.now, state.epoch, state.rank, actor, EventKind.Interrupt, p, 0, sequence);
      state.ringing.push(p);
    }
    const rung = end - run.batch * lanes;
    sim.at(sim.now + machine.doorbellNs, handlers.doorbell, state.rank, rung);
    run.batch++;
    run.batchSince = sim.now;
    if (end < world.processors) {
      note(run);
      return;
    }
    run.phase = 'idle';
    sink.add(sim.now, state.epoch, state.rank, actor, EventKind.Exit, 0, 0, 0);
    sim.at(sim.now, handlers.exited, state.rank, 0);
  }

  return { note };
}
