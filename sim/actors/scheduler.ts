import { processorHand, subscriberHand } from '../moe/hand.ts';
import { gemm0Cols } from '../moe/shape.ts';
import { EventKind } from '../trace/generated/events.ts';
import { type InterruptRun, interruptProcessors, startInterrupts } from './interrupts.ts';
import type { SchedulingPolicy } from './policy.ts';
import { firstPollAt } from './polling.ts';
import { Real, realStride, Word, wordStride } from './processor-words.ts';
import type { RankState } from './rank.ts';
import { SchedulerRun } from './scheduler-run.ts';
import { fail, schedulerActor, type World } from './world.ts';

/** Lanes of a warp: placements of one batch. */
const lanes = 32;

/** Processors whose status words are loaded together: five loads in flight. */
const sweepGroup = 5 * lanes;

/** Doorbell sequences count in 31 bits. */
const sequenceMask = 0x7fffffff;

/**
 * The scheduler warp of every rank. An iteration sweeps the status words, 160 at once, and with them a hand of queue entries,
 * several of each queue, if the policy wants one; then it places tasks in batches of up to 32. The loads of the next
 * iteration leave before the placements of this one, which they overlap, so what becomes visible while doorbells are rung is
 * seen an iteration later. All words are read at the point where an iteration's loads have landed; a word read earlier
 * must have been visible that much earlier, so nothing is lost by the single point. Iterations that find nothing are not
 * simulated: they only shift the phase at which the next word is seen.
 */
export class Scheduler {
  readonly #world: World;
  readonly #runs: readonly SchedulerRun[];
  readonly #sweep: number;
  readonly #interrupts: InterruptRun;
  /** How long the status words of all processors take to sweep. */
  readonly #statusNs: number;
  /** [queue] entries that a hand may hold. */
  readonly #hand: readonly number[];
  readonly #actor: number;
  /** Doorbells rung in the batch being placed. */
  #batch = 0;

  constructor(world: World) {
    this.#world = world;
    this.#runs = world.ranks.map((state) => new SchedulerRun(state, world.processors));
    this.#sweep = world.sim.handle((rank) => this.#onSweep(this.#runs[rank]!));
    this.#statusNs = Math.ceil(world.processors / sweepGroup) * world.machine.statusPollNs;
    const { subscribers } = world;
    this.#hand = [
      ...Array<number>(subscribers).fill(subscriberHand(subscribers)),
      processorHand(subscribers),
    ];
    this.#actor = schedulerActor(world);
    this.#interrupts = interruptProcessors(world, this.#runs, (run, p) =>
      this.#nextSequence(run, p),
    );
  }

  /** Starts the scheduler of `rank` now; the bound of this launch is set. */
  start(rank: number): void {
    const run = this.#runs[rank]!;
    const { state } = run;
    const { sim, policy, decoder, shape } = this.#world;
    run.begin(
      policy.create({
        processors: this.#world.processors,
        queues: state.queues.length,
        options: this.#world.scenario.policyOptions,
        operation: (task) => decoder.operation(task),
        announcedGemm0Tasks: () =>
          state.unannounced > 0 ? undefined : sumOf(state, shape.ranks) * gemm0Cols(shape),
      }),
    );
    run.readPoint = sim.now + this.#sweepNs(run);
    run.landed = run.readPoint;
    this.#record(state, sim.now, EventKind.Bound, 0, state.bound, state.scheduled);
    if (state.scheduled === state.bound) this.#arm(run, run.readPoint);
    this.#armNext(run);
  }

  /** A processor of `rank` published its status word. */
  noteStatus(rank: number, processor: number): void {
    const run = this.#runs[rank]!;
    if (run.phase === 'sweeping') this.#arm(run, this.#statusSeen(run, processor));
    else if (run.phase === 'interrupting') this.#interrupts.note(run);
  }

  /** An entry came to the tail of `queue`. */
  noteEntry(rank: number, queue: number): void {
    const run = this.#runs[rank]!;
    if (run.phase !== 'sweeping') return;
    const at = this.#entrySeen(run, queue);
    if (at < Number.POSITIVE_INFINITY) this.#arm(run, at);
  }

  /** The bound of `rank`, or what it knows of its peers, changed. */
  noteBound(rank: number): void {
    const run = this.#runs[rank]!;
    if (run.phase !== 'sweeping') return;
    this.#arm(run, firstPollAt(run.readPoint, this.#sweepNs(run), this.#world.sim.now));
  }

  #onSweep(run: SchedulerRun): void {
    const { sim, machine } = this.#world;
    const { state } = run;
    if (run.phase !== 'sweeping' || sim.now !== run.wakeAt) return;
    run.wakeAt = Number.POSITIVE_INFINITY;
    const sweepNs = this.#sweepNs(run);
    const idle = sweepNs === 0 ? 0 : (sim.now - run.readPoint) / sweepNs;
    const landed = sim.now === run.readPoint ? run.landed : sim.now;
    this.#sweepStatus(run, landed);
    if (run.policy.wantsHand()) this.#openHand(run, landed);
    const before = state.scheduled;
    const end = this.#place(run);
    const placed = state.scheduled - before;
    if (placed === 0) {
      run.emptySweeps += idle + 1;
    } else {
      this.#record(state, end, EventKind.Sweep, placed, run.emptySweeps + idle, 0);
      run.emptySweeps = 0;
    }
    // Taking what was found and the fence come before the next flight, placements after it.
    const leaves = placed === 0 ? end : sim.now + machine.sweepNs;
    run.landed = leaves + this.#sweepNs(run);
    run.readPoint = Math.max(end, run.landed);
    run.placed = end;
    if (state.scheduled > state.bound) {
      fail(this.#world, state, `scheduled ${state.scheduled} tasks over the bound ${state.bound}`);
    }
    if (state.scheduled === state.bound) this.#finish(run, end);
    else this.#armNext(run);
  }

  /** Takes every status word that loads which landed then have seen, in ascending order of processors as the lanes do. */
  #sweepStatus(run: SchedulerRun, landed: number): void {
    const { state } = run;
    const { now } = this.#world.sim;
    const { reals, words } = state.processors;
    for (let p = state.unreadStatus.nextFrom(0); p >= 0; p = state.unreadStatus.nextFrom(p + 1)) {
      const lag = this.#readLag(run, p);
      if (reals[p * realStride + Real.statusVisible]! + lag > landed) continue;
      const status = words[p * wordStride + Word.status]!;
      const last = words[p * wordStride + Word.bellSequence]!;
      if (status !== last) {
        const values = `status ${status}, last doorbell ${last}`;
        fail(
          this.#world,
          state,
          `processor ${p} is free by a status that is not current: ${values}`,
        );
      }
      if (run.ready.has(p)) fail(this.#world, state, `processor ${p} is ready twice`);
      state.unreadStatus.delete(p);
      run.ready.add(p);
      const time = Math.max(now - lag, run.placed);
      this.#record(state, time, EventKind.ProcessorReady, p, status, 0);
      run.policy.takeProcessor(p);
    }
  }

  /** Gives the policy the next few entries of every queue that are visible at `time`. */
  #openHand(run: SchedulerRun, time: number): void {
    for (const [q, queue] of run.state.queues.entries()) {
      for (let n = 0; n < this.#hand[q]! && queue.headVisible <= time; n++) {
        const first = queue.headFirst;
        const count = queue.headCount;
        queue.take();
        run.policy.takeEntry(q, first, count);
      }
    }
  }

  /** Rings the doorbells the policy chooses, in batches. Returns when it is done; the next hand is the next sweep's. */
  #place(run: SchedulerRun): number {
    const { sim, machine } = this.#world;
    let end = sim.now;
    while (run.policy.choose()) {
      if (end === sim.now) end += machine.sweepNs;
      // The lanes' doorbells go out one after the other, and a batch is through when all have.
      if (this.#batch === lanes) this.#ring(run, end);
      this.#commit(run, run.policy, end);
      end += machine.placementNs;
    }
    this.#ring(run, end);
    return end;
  }

  #commit(run: SchedulerRun, policy: SchedulingPolicy, time: number): void {
    const { state } = run;
    const { task, processor } = policy;
    if (!run.ready.has(processor)) {
      fail(
        this.#world,
        state,
        `the policy chose processor ${processor}, whose mailbox is not free`,
      );
    }
    run.ready.delete(processor);
    const sequence = this.#nextSequence(run, processor);
    const { words } = state.processors;
    words[processor * wordStride + Word.bellTask] = task;
    words[processor * wordStride + Word.bellExit] = 0;
    state.scheduled++;
    this.#record(state, time, EventKind.TaskCommitted, processor, task, sequence);
    state.ringing.push(processor);
    this.#batch++;
  }

  /** The doorbells of a batch become visible at once, in the order they were rung: one event for all. */
  #ring(run: SchedulerRun, time: number): void {
    if (this.#batch === 0) return;
    const { sim, machine, handlers } = this.#world;
    sim.at(time + machine.doorbellNs, handlers.doorbell, run.state.rank, this.#batch);
    this.#batch = 0;
  }

  /** Moves a doorbell word on to its next sequence number; the processor must have taken the last one (S6). */
  #nextSequence(run: SchedulerRun, processor: number): number {
    const { state } = run;
    const { words } = state.processors;
    const at = processor * wordStride;
    if (words[at + Word.bellTaken] === 0) {
      fail(this.#world, state, `doorbell of processor ${processor} rung before it took the last`);
    }
    const sequence = (words[at + Word.bellSequence]! + 1) & sequenceMask;
    words[at + Word.bellSequence] = sequence;
    words[at + Word.bellTaken] = 0;
    return sequence;
  }

  #finish(run: SchedulerRun, time: number): void {
    const { state, policy } = run;
    if (state.unannounced > 0 || policy.waiting > 0) {
      const left = `${state.unannounced} peers unknown, ${policy.waiting} tasks waiting`;
      fail(this.#world, state, `all ${state.bound} tasks of the bound are scheduled, but ${left}`);
    }
    this.#record(state, time, EventKind.Bound, 0, state.bound, state.scheduled);
    startInterrupts(this.#world, run, time);
    this.#interrupts.note(run);
  }

  /** Wakes at the earliest read point that sees a word which is written already. */
  #armNext(run: SchedulerRun): void {
    const { state } = run;
    let first = Number.POSITIVE_INFINITY;
    for (let q = 0; q < state.queues.length; q++) first = Math.min(first, this.#entrySeen(run, q));
    for (let p = state.unreadStatus.nextFrom(0); p >= 0; p = state.unreadStatus.nextFrom(p + 1)) {
      first = Math.min(first, this.#statusSeen(run, p));
    }
    if (first < Number.POSITIVE_INFINITY) this.#arm(run, first);
  }

  #statusSeen(run: SchedulerRun, processor: number): number {
    const { reals } = run.state.processors;
    const visible =
      reals[processor * realStride + Real.statusVisible]! + this.#readLag(run, processor);
    return this.#seenAt(run, visible);
  }

  /** Read point of the first iteration whose loads see a word that is visible from `visible` on. */
  #seenAt(run: SchedulerRun, visible: number): number {
    if (visible <= run.landed) return run.readPoint;
    const period = this.#sweepNs(run);
    return firstPollAt(run.readPoint + period, period, visible);
  }

  /** Read point that sees the head of a queue; Infinity when it is empty or a hand is open. */
  #entrySeen(run: SchedulerRun, q: number): number {
    const queue = run.state.queues[q]!;
    if (queue.size === 0 || !run.policy.wantsHand()) return Number.POSITIVE_INFINITY;
    return this.#seenAt(run, queue.headVisible);
  }

  /** From the first status load of an iteration to its read point: the queues are polled only when no hand is open. */
  #sweepNs(run: SchedulerRun): number {
    return this.#statusNs + (run.policy.wantsHand() ? this.#world.machine.queuePollNs : 0);
  }

  /** How long before the read point the status of a processor is loaded. */
  #readLag(run: SchedulerRun, processor: number): number {
    const loaded = (Math.floor(processor / sweepGroup) + 1) * this.#world.machine.statusPollNs;
    return this.#sweepNs(run) - loaded;
  }

  #arm(run: SchedulerRun, at: number): void {
    if (at >= run.wakeAt) return;
    run.wakeAt = at;
    this.#world.sim.at(at, this.#sweep, run.state.rank, 0);
  }

  #record(
    state: RankState,
    time: number,
    kind: (typeof EventKind)[keyof typeof EventKind],
    aux: number,
    a: number,
    b: number,
  ): void {
    this.#world.sink.add(time, state.epoch, state.rank, this.#actor, kind, aux, a, b);
  }
}

function sumOf(state: RankState, ranks: number): number {
  let sum = 0;
  for (let peer = 0; peer < ranks; peer++) sum += state.announced[peer]!;
  return sum;
}
