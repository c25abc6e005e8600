import { Op, Round, Stage } from '../../sim/moe/generated/layout.ts';
import { combineFlag, dispatchFlag, dispatchFlags } from '../../sim/moe/heap.ts';
import {
  cellIndex,
  decodeTask,
  gemm0Cols,
  gemm0Task,
  gemm0Tasks,
  gemm1Cols,
  gemm1Task,
  gemm1Tasks,
  heapRow,
  rowBlockIndex,
  rowBlocks,
  rowSpan,
} from '../../sim/moe/layout.ts';
import { epochState } from '../../sim/moe/packet.ts';
import { initialBound, rowTilesBetween, surplus } from '../../sim/moe/task-set.ts';
import type { EventKindName } from '../../sim/trace/generated/events.ts';
import type { FlagWord, LegalFabric } from './legal-fabric.ts';
import { newProcessor, type Processor } from './legal-processor.ts';

interface Entry {
  readonly queue: number;
  next: number;
  left: number;
}

/** One rank of the model: gate, dispatch, subscribers, scheduler and processors as plain callbacks on a clock. */
export class LegalRank {
  readonly #fabric: LegalFabric;
  readonly #rank: number;
  readonly #processors: Processor[];
  readonly #tickets: number[];
  readonly #flags = new Map<number, FlagWord>();
  #launch = 0;
  #polling = false;
  #queue: Entry[] = [];
  #bound = 0;
  #scheduled = 0;
  #corrected = new Set<number>();
  #cellRows = new Map<number, number>();
  #gemm0Done = new Map<number, number>();
  #sweepPending = false;
  #lastSweep = 0;
  #left = 0;
  #interrupted = 0;

  constructor(fabric: LegalFabric, rank: number) {
    this.#fabric = fabric;
    this.#rank = rank;
    const { processors, subscribers, readiness } = fabric.setting.world;
    this.#processors = Array.from({ length: processors }, () => newProcessor(readiness));
    this.#tickets = Array.from({ length: subscribers + 1 }, () => 0);
  }

  get #os(): number {
    return this.#processors.length * 32;
  }

  get #rows(): readonly (readonly number[])[] {
    const { rows, world } = this.#fabric.setting;
    return rows[this.#launch - world.firstLaunch]!;
  }

  #record(time: number, actor: number, kind: EventKindName, aux = 0, a = 0, b = 0): number {
    return this.#fabric.record(time, this.#launch, this.#rank, actor, kind, aux, a, b);
  }

  /** Gate and barrier of every block, then dispatch and the OS block's loops. */
  begin(time: number, launch: number): void {
    const { shape, placement } = this.#fabric.setting;
    this.#launch = launch;
    this.#queue = [];
    this.#corrected = new Set();
    this.#cellRows = new Map();
    this.#gemm0Done = new Map();
    this.#scheduled = 0;
    this.#left = 0;
    this.#interrupted = 0;
    const blocks = this.#processors.length + 1;
    for (let block = 0; block < blocks; block++) {
      this.#record(time, block * 32, 'LaunchBegin', 0, launch, epochState(launch));
      this.#record(time + 10, block * 32, 'GateBegin');
      this.#record(time + 900 + block * 10, block * 32, 'GateEnd');
      this.#record(time + 1000 + block * 10, block * 32, 'BarrierArrive', 0, 0, block);
    }
    this.#bound = initialBound(shape, placement, this.#rows, this.#rank);
    const left = time + 1000 + blocks * 10 + 300;
    for (let block = 0; block < blocks; block++) {
      this.#record(left, block * 32, 'BarrierLeave');
    }
    this.#processors.forEach((p, index) => {
      p.busy = true;
      p.aside = true;
      p.ready = false;
      this.#fabric.at(left + 10 + index * 3, (now) => this.#dispatch(now, index));
    });
    this.#fabric.at(left + 20, (now) => this.#open(now));
  }

  /** Puts this block's share of every cell; the last arriver of a cell signals it. */
  #dispatch(time: number, index: number): void {
    const { shape, placement, world } = this.#fabric.setting;
    const blocks = this.#processors.length;
    const actor = index * 32;
    let now = this.#record(time, actor, 'DispatchBegin');
    let sent = 0;
    for (let expert = 0; expert < shape.experts; expert++) {
      const rows = this.#rows[this.#rank]![expert]!;
      const { rank: to, slot } = placement.home(expert);
      const begin = Math.floor((rows * index) / blocks);
      const share = Math.floor((rows * (index + 1)) / blocks) - begin;
      const cell = cellIndex(shape, this.#rank, Round.Dispatch, Stage.Incoming, slot);
      let last = rows === 0 && expert % blocks === index;
      if (share > 0) {
        this.#record(now + 40, actor, 'Put', to, heapRow(shape, cell, begin), share);
        const before = this.#cellRows.get(expert) ?? 0;
        now = this.#record(now + 80, actor, 'CellArrive', to, expert, before);
        this.#cellRows.set(expert, before + share);
        last = before + share === rows;
        sent += share;
      }
      if (!last) continue;
      now = this.#signal(now + 5, actor, to, dispatchFlag(shape, this.#rank, slot), rows);
    }
    now = this.#record(now + 30, actor, 'DispatchEnd', 0, sent);
    const p = this.#processors[index]!;
    this.#fabric.at(now + 10, (then) => {
      p.aside = false;
      this.#free(then, index, 'busy');
    });
    if (world.readiness === 'lazy') this.#report(now, p, p.sequence);
  }

  #signal(time: number, actor: number, to: number, flag: number, rows: number): number {
    const { shape, placement } = this.#fabric.setting;
    const state = epochState(this.#launch);
    const now = this.#record(time, actor, 'SignalSent', to, flag, rows | (state << 28));
    const rowTiles = rowTilesBetween(shape, placement, this.#rows, this.#rank, to);
    this.#fabric.signal(now, to, {
      flag,
      launch: this.#launch,
      rows,
      rowTiles,
      source: this.#rank,
    });
    return now;
  }

  /** The scheduler and the subscribers enter their loops. */
  #open(time: number): void {
    this.#record(time, this.#os, 'Bound', 0, this.#bound, 0);
    this.#lastSweep = time;
    this.#polling = true;
    for (const word of this.#flags.values()) this.#observe(time + 30, word);
    this.#sweepSoon(time);
  }

  /** A flag of this rank takes a new value. */
  flagSet(time: number, word: FlagWord): void {
    this.#flags.set(word.flag, word);
    if (this.#polling) this.#observe(time + 20 + (word.flag % 7), word);
  }

  #observe(time: number, word: FlagWord): void {
    if (word.launch !== this.#launch) return;
    this.#flags.delete(word.flag);
    const { shape, placement, world } = this.#fabric.setting;
    const subscriber = word.flag % world.subscribers;
    const actor = this.#os + 1 + subscriber;
    const value = word.rows | (epochState(word.launch) << 28);
    this.#record(time, actor, 'SignalObserved', word.source, word.flag, value);
    if (word.flag >= dispatchFlags(shape)) {
      const first = gemm0Tasks(shape) + gemm1Tasks(shape) + word.flag - dispatchFlags(shape);
      this.#publish(time, actor, subscriber, first, 1);
      return;
    }
    if (!this.#corrected.has(word.source)) {
      this.#corrected.add(word.source);
      this.#bound -= surplus(shape, placement, this.#rank, word.rowTiles);
      this.#record(time, actor, 'Surplus', word.source, word.rowTiles, this.#bound);
      this.#sweepSoon(time);
    }
    const slot = word.flag % shape.slots;
    for (let block = 0; block < rowBlocks(shape, word.rows); block++) {
      const first = gemm0Task(shape, slot, word.source, block, 0);
      this.#publish(time, actor, subscriber, first, gemm0Cols(shape));
    }
  }

  #publish(time: number, actor: number, queue: number, first: number, count: number): void {
    const ticket = this.#tickets[queue]!++;
    const now = this.#record(time, actor, 'TasksReady', queue, first, count | (ticket << 12));
    this.#fabric.at(now + 60, (then) => {
      this.#queue.push({ queue, next: first, left: count });
      this.#sweepSoon(then);
    });
  }

  #sweepSoon(time: number): void {
    if (this.#sweepPending) return;
    this.#sweepPending = true;
    this.#fabric.at(time + 100, (now) => this.#sweep(now));
  }

  #sweep(time: number): void {
    this.#sweepPending = false;
    let placed = 0;
    this.#processors.forEach((p, index) => {
      if (p.ready || p.status !== p.sequence || !this.#polling) return;
      p.ready = true;
      this.#record(time, this.#os, 'ProcessorReady', index, p.status);
    });
    this.#processors.forEach((p, index) => {
      const entry = this.#queue[0];
      if (!p.ready || !entry || !this.#polling) return;
      this.#ring(time, index, entry.next);
      this.#scheduled++;
      placed++;
      entry.next++;
      entry.left--;
      if (entry.left === 0) this.#queue.shift();
    });
    if (placed > 0) {
      const empty = Math.max(0, Math.floor((time - this.#lastSweep) / 100) - 1);
      this.#lastSweep = this.#record(time, this.#os, 'Sweep', placed, empty);
    }
    this.#maybeLeave(time);
  }

  #maybeLeave(time: number): void {
    const { world, shape } = this.#fabric.setting;
    const known = this.#corrected.size === shape.ranks;
    if (!this.#polling || !known || this.#scheduled !== this.#bound) return;
    this.#polling = false;
    let now = this.#record(time, this.#os, 'Bound', 0, this.#bound, this.#scheduled);
    for (let s = 0; s < world.subscribers; s++) {
      now = this.#record(now, this.#os, 'Interrupt', 0x8000 + s);
      this.#fabric.at(now + 200, (then) => {
        this.#record(then, this.#os + 1 + s, 'Exit');
        this.#leave(then);
      });
    }
    this.#processors.forEach((p, index) => this.#interrupt(now, p, index));
  }

  /** Rings the exit doorbell when the mailbox is free, however long that takes. */
  #interrupt(time: number, p: Processor, index: number): void {
    if (p.status !== p.sequence) {
      this.#fabric.at(time + 100, (now) => this.#interrupt(now, p, index));
      return;
    }
    p.sequence++;
    const now = this.#record(time, this.#os, 'Interrupt', index, 0, p.sequence);
    this.#deliver(now, p, index, -1);
    this.#interrupted++;
    if (this.#interrupted < this.#processors.length) return;
    this.#fabric.at(now + 10, (then) => {
      this.#record(then, this.#os, 'Exit');
      this.#leave(then);
    });
  }

  #ring(time: number, index: number, task: number): void {
    const p = this.#processors[index]!;
    p.ready = false;
    p.sequence++;
    const now = this.#record(time, this.#os, 'TaskCommitted', index, task, p.sequence);
    this.#deliver(now, p, index, task);
  }

  #deliver(time: number, p: Processor, index: number, task: number): void {
    this.#fabric.at(time + 500, (now) => {
      p.mail = task;
      this.#consume(now, index);
    });
  }

  /** Whether a task runs beside the tiles. */
  #isAside(task: number): boolean {
    const { shape, world } = this.#fabric.setting;
    return world.beside && task >= gemm0Tasks(shape) + gemm1Tasks(shape);
  }

  /** A processor looks at its doorbell again. */
  #free(time: number, index: number, what: 'busy' | 'aside'): void {
    const p = this.#processors[index]!;
    p[what] = false;
    if (p.mail !== undefined) this.#fabric.at(time + 5, (now) => this.#consume(now, index));
  }

  #consume(time: number, index: number): void {
    const p = this.#processors[index]!;
    const { mail, sequence } = p;
    if (mail === undefined) return;
    const aside = this.#isAside(mail);
    if (aside ? p.aside : p.busy || (mail === -1 && p.aside)) return;
    p.mail = undefined;
    p[aside ? 'aside' : 'busy'] = true;
    const actor = index * 32;
    const eager = this.#fabric.setting.world.readiness === 'eager';
    if (mail === -1) {
      const now = this.#record(time, actor, 'Exit', 0, 0, sequence);
      if (eager) p.status = sequence;
      this.#leave(now);
      return;
    }
    const consumed = this.#record(time, actor, 'TaskConsumed', 0, mail, sequence);
    if (eager) this.#report(consumed, p, sequence);
    const started = this.#record(consumed + 20, actor, 'TaskStarted', 0, mail, sequence);
    this.#fabric.at(started + this.#length(mail), (now) =>
      this.#finish(now, index, mail, sequence),
    );
  }

  /** Nanoseconds of a task: by operation, spread by a hash of the index. */
  #length(task: number): number {
    const { shape, world } = this.#fabric.setting;
    const { op } = decodeTask(shape, task);
    // Few threads run a COMBINE beside tiles: it outlasts them.
    const combine = world.beside ? 3000 : 400;
    const base = op === Op.Combine ? combine : 2000;
    const hash = Math.imul(task + 1, 0x9e3779b1) >>> 16;
    return base + Math.floor((base * (world.spread - 1000) * hash) / 65_536_000);
  }

  #report(time: number, p: Processor, sequence: number): void {
    this.#fabric.at(time + 300, (now) => {
      p.status = sequence;
      this.#sweepSoon(now);
    });
  }

  #finish(time: number, index: number, index32: number, sequence: number): void {
    const { shape, world } = this.#fabric.setting;
    const task = decodeTask(shape, index32);
    const actor = index * 32;
    let now = time;
    if (task.op === Op.Gemm0) {
      const block = rowBlockIndex(shape, task.expert, task.peer, task.block);
      const before = this.#gemm0Done.get(block) ?? 0;
      this.#gemm0Done.set(block, before + 1);
      now = this.#record(now, actor, 'TaskFinished', 0, index32, before);
      if (before + 1 === gemm0Cols(shape)) {
        const first = gemm1Task(shape, task.expert, task.peer, task.block, 0);
        this.#publish(now + 5, actor, world.subscribers, first, gemm1Cols(shape));
      }
    } else {
      if (task.op === Op.Gemm1) now = this.#send(now, actor, task);
      now = this.#record(now, actor, 'TaskFinished', 0, index32);
    }
    const p = this.#processors[index]!;
    if (world.readiness === 'lazy') this.#report(now, p, sequence);
    this.#free(now, index, this.#isAside(index32) ? 'aside' : 'busy');
  }

  /** GEMM1's delivery: the tile into the home rank's heap, then its signal. */
  #send(
    time: number,
    actor: number,
    task: {
      readonly peer: number;
      readonly expert: number;
      readonly block: number;
      readonly col: number;
    },
  ): number {
    const { shape, placement } = this.#fabric.setting;
    const expert = placement.globalExpert(this.#rank, task.expert);
    const span = rowSpan(shape, this.#rows[task.peer]![expert]!, task.block);
    const cell = cellIndex(shape, this.#rank, Round.Combine, Stage.Incoming, task.expert);
    const row = heapRow(shape, cell, span.begin);
    const put = span.count | ((task.col + 1) << 20);
    const now = this.#record(time, actor, 'Put', task.peer, row, put);
    const flag = combineFlag(shape, expert, task.block, task.col);
    return this.#signal(now + 10, actor, task.peer, flag, span.count);
  }

  /** One actor of this launch has exited; the last one ends the kernel. */
  #leave(time: number): void {
    const { world } = this.#fabric.setting;
    this.#left++;
    if (this.#left < this.#processors.length + 1 + world.subscribers) return;
    const next = this.#launch + 1;
    if (next >= world.firstLaunch + world.launches) return;
    this.#fabric.at(time + 1500, (now) => this.begin(now, next));
  }
}
