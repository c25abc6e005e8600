import { FluidResource } from '../engine/fluid.ts';
import { FluidBank } from '../engine/fluid-bank.ts';
import { RecordPool } from '../engine/record-pool.ts';
import { Fabric } from '../machine/fabric.ts';
import { dispatchFlags } from '../moe/heap.ts';
import { epochState } from '../moe/packet.ts';
import type { RankState } from './rank.ts';
import type { Subscribers } from './subscriber.ts';
import { fail, type World } from './world.ts';

/** Classes of flows through a GPU's memory, in ascending order of their caps when those differ. */
interface MemoryClasses {
  readonly copy: number;
  readonly stream: number;
  readonly aside: number;
  readonly wide: number;
}

/** A resource that ranks share, over the whole run. */
export interface ResourceUse {
  readonly name: string;
  readonly bytes: number;
  readonly busyNs: number;
}

/**
 * Words of a signal on its way, which is half a cache line: a put's bytes, in two words, until they begin to move; then what
 * still serves them, the receiver, and the latency that follows.
 */
const messageWords = 8;
const Message = {
  /** Source rank and its launch. */
  source: 0,
  epoch: 1,
  flag: 2,
  rows: 3,
  tiles: 4,
  bytesHigh: 5,
  bytesLow: 6,
  to: 5,
  /** Resources that still serve the put, and {@link staleSignal} when a signal is on its way that does not count. */
  open: 6,
  latency: 7,
} as const;

/** More than the resources on any way. */
const staleSignal = 8;

/** Words of a copy that crosses several resources: those that still serve it, then whom to tell, and what. */
const transferWords = 4;

const two32 = 4294967296;

/**
 * What lies between blocks: each GPU's memory and its two link directions, and each network card's, as fluid capacities,
 * and signals with latency. A transfer between GPUs takes everything on its way at once, the sender's egress and the
 * receiver's ingress in a node, cards between nodes, and ends when all have served it.
 */
export class Network {
  readonly memory: readonly FluidResource[];
  /** The two directions of the links, a resource for each GPU. */
  readonly egress: FluidBank;
  readonly ingress: FluidBank;
  /** The two directions of the network cards; none in a world of one node. */
  readonly nicOut: FluidBank;
  readonly nicIn: FluidBank;

  readonly #world: World;
  readonly #subscribers: Subscribers;
  readonly #fabric: Fabric;
  readonly #classes: MemoryClasses;
  readonly #putStart: number;
  readonly #putDone: number;
  /** GPU and lane of each rank. */
  readonly #gpuOf: Int32Array;
  readonly #laneOf: Int32Array;
  readonly #transfers: RecordPool = new RecordPool(transferWords);
  readonly #messages: RecordPool = new RecordPool(messageWords);

  constructor(world: World, subscribers: Subscribers) {
    this.#world = world;
    this.#subscribers = subscribers;
    const { sim, machine } = world;
    const { smCopyBytesPerNs: copy, smHbmBytesPerNs: stream } = machine;
    const aside = world.beside?.asideBytesPerNs ?? copy;
    const wide = world.beside?.wideBytesPerNs ?? copy;
    const caps = [...new Set([copy, stream, aside, wide])].sort((x, y) => x - y);
    this.#classes = {
      copy: caps.indexOf(copy),
      stream: caps.indexOf(stream),
      aside: caps.indexOf(aside),
      wide: caps.indexOf(wide),
    };
    const gpus = Array.from({ length: world.scenario.world.gpus }, (_, gpu) => gpu);
    this.memory = gpus.map(
      (gpu) => new FluidResource(sim, `GPU ${gpu} memory`, machine.hbmBytesPerNs, caps),
    );
    this.#fabric = new Fabric(machine, gpus.length);
    this.#gpuOf = Int32Array.from(world.ranks, ({ gpu }) => gpu);
    this.#laneOf = Int32Array.from(world.ranks, ({ lane }) => lane);
    const done = sim.handle((flow) => this.#onPart(flow));
    const ends = { done, joined: (message: number) => this.#accompany(message) };
    const { linkBytesPerNs, smLinkBytesPerNs, nicBytesPerNs } = machine;
    const links = { units: gpus.length, capacity: linkBytesPerNs, cap: smLinkBytesPerNs };
    this.egress = new FluidBank(sim, links, ends);
    this.ingress = new FluidBank(sim, links, ends);
    const nics = this.#fabric.nodes > 1 ? this.#fabric.nics : 0;
    const cards = { units: nics, capacity: nicBytesPerNs, cap: nicBytesPerNs };
    this.nicOut = new FluidBank(sim, cards, ends);
    this.nicIn = new FluidBank(sim, cards, ends);
    this.#putStart = sim.handle((to, message) => this.#onPutStart(to, message));
    this.#putDone = sim.handle((_, message) => this.#onPutDone(message));
    world.handlers.signal = sim.handle((rank, message) =>
      this.#onSignal(world.ranks[rank]!, message),
    );
  }

  /** Bytes and ticks in use of everything here that ranks share. */
  uses(): readonly ResourceUse[] {
    const inBank = (bank: FluidBank, what: string, way: string): ResourceUse[] =>
      Array.from({ length: bank.units }, (_, unit) => ({
        name: `${what} ${unit} ${way}`,
        bytes: bank.totalOf(unit),
        busyNs: bank.busyTicksOf(unit),
      }));
    return [
      ...this.memory.map(({ name, total, busyTicks }) => ({
        name,
        bytes: total,
        busyNs: busyTicks,
      })),
      ...inBank(this.egress, 'GPU', 'egress'),
      ...inBank(this.ingress, 'GPU', 'ingress'),
      ...inBank(this.nicOut, 'NIC', 'out'),
      ...inBank(this.nicIn, 'NIC', 'in'),
    ];
  }

  /** Streams `bytes` of weights from a GPU's memory into one SM. */
  stream(gpu: number, bytes: number, handler: number, a: number, b: number): void {
    this.memory[gpu]!.start(this.#classes.stream, bytes, handler, a, b);
  }

  /** Moves `bytes` of a COMBINE through a GPU's memory, by the helpers beside a tile or by a whole processor. */
  combine(gpu: number, wide: boolean, bytes: number, handler: number, a: number, b: number): void {
    const flowClass = wide ? this.#classes.wide : this.#classes.aside;
    this.memory[gpu]!.start(flowClass, bytes, handler, a, b);
  }

  /** Moves `bytes` through a GPU's memory by one block, reads and writes counted. */
  move(gpu: number, bytes: number, handler: number, a: number, b: number): void {
    this.memory[gpu]!.start(this.#classes.copy, bytes, handler, a, b);
  }

  /** Copies `bytes` by one block: inside a GPU through its memory (read and written), else over links and cards. */
  copy(from: number, to: number, bytes: number, handler: number, a: number, b: number): void {
    if (from === to) {
      this.move(from, 2 * bytes, handler, a, b);
      return;
    }
    const index = this.#transfers.take();
    const at = index * transferWords;
    const { words } = this.#transfers;
    words[at + 1] = handler;
    words[at + 2] = a;
    words[at + 3] = b;
    const { linkFrom, linkTo, nicFrom, nicTo } = this.#fabric.route(from, to);
    words[at] = (linkFrom >= 0 ? 2 : 0) + (nicFrom >= 0 ? 2 : 0);
    this.#serve(linkFrom, linkTo, nicFrom, nicTo, bytes, ~index);
  }

  /** Starts a flow on everything on a way. It ends with `flow`: a message, or the complement of a transfer. */
  #serve(
    linkFrom: number,
    linkTo: number,
    nicFrom: number,
    nicTo: number,
    bytes: number,
    flow: number,
  ): void {
    if (linkFrom >= 0) {
      this.egress.start(linkFrom, bytes, flow);
      this.ingress.start(linkTo, bytes, flow);
    }
    if (nicFrom >= 0) {
      this.nicOut.start(nicFrom, bytes, flow);
      this.nicIn.start(nicTo, bytes, flow);
    }
  }

  /** How long a small store takes from one rank to another. */
  latency(from: number, to: number): number {
    const source = this.#gpuOf[from]!;
    const target = this.#gpuOf[to]!;
    if (source === target) return this.#world.machine.sharedGpuNs;
    return this.#fabric.route(source, target).latencyNs;
  }

  /** Puts a word on `flag` of rank `to`: visible there after the latency, counted from `time`. */
  signal(
    time: number,
    from: RankState,
    to: number,
    flag: number,
    rows: number,
    tiles: number,
  ): void {
    const index = this.#message(from, flag, rows, tiles, 0);
    const { sim, handlers, machine } = this.#world;
    // Its record is stamped before the store, which waits until all that the block wrote is performed.
    const visible = time + machine.releaseNs + this.latency(from.rank, to);
    sim.send(this.#laneOf[to]!, visible, handlers.signal, to, index);
  }

  /** Put with signal: transfers `bytes` without a block waiting, then puts the word on the flag. */
  put(from: RankState, to: number, bytes: number, flag: number, rows: number, tiles: number): void {
    const index = this.#message(from, flag, rows, tiles, bytes);
    const { sim, machine, networkLane } = this.#world;
    if (from.gpu === this.#gpuOf[to]) {
      this.#setOut(index, to, 0, machine.sharedGpuNs);
      this.copy(from.gpu, from.gpu, bytes, this.#putDone, to, index);
    } else {
      sim.send(networkLane, sim.now, this.#putStart, to, index);
    }
  }

  #message(from: RankState, flag: number, rows: number, tiles: number, bytes: number): number {
    const index = this.#messages.take();
    const at = index * messageWords;
    const { words } = this.#messages;
    words[at + Message.source] = from.rank;
    words[at + Message.epoch] = from.epoch;
    words[at + Message.flag] = flag;
    words[at + Message.rows] = rows;
    words[at + Message.tiles] = tiles;
    words[at + Message.bytesHigh] = Math.floor(bytes / two32);
    words[at + Message.bytesLow] = bytes;
    return index;
  }

  /** The bytes of a put move from now on. */
  #setOut(index: number, to: number, open: number, latencyNs: number): void {
    const at = index * messageWords;
    const { words } = this.#messages;
    words[at + Message.to] = to;
    words[at + Message.open] = open;
    words[at + Message.latency] = latencyNs;
  }

  /** In the network's lane: the bytes of a put begin to move. */
  #onPutStart(to: number, index: number): void {
    const at = index * messageWords;
    const { words } = this.#messages;
    const bytes = words[at + Message.bytesHigh]! * two32 + (words[at + Message.bytesLow]! >>> 0);
    const from = this.#gpuOf[words[at + Message.source]!]!;
    const way = this.#fabric.route(from, this.#gpuOf[to]!);
    const { linkFrom, linkTo, nicFrom, nicTo, latencyNs } = way;
    // Without latency its signal would be read, and its record used again, in a tick in which another put may still join it.
    if (latencyNs > 0 && this.#mayGoAlone(linkFrom, linkTo, nicFrom, nicTo, bytes)) {
      this.#setOut(index, to, 0, latencyNs);
      let end = 0;
      if (linkFrom >= 0) {
        end = this.egress.startAlone(linkFrom, bytes, index);
        this.ingress.startAlone(linkTo, bytes, index);
      }
      if (nicFrom >= 0) {
        end = Math.max(end, this.nicOut.startAlone(nicFrom, bytes, index));
        this.nicIn.startAlone(nicTo, bytes, index);
      }
      const { sim, handlers } = this.#world;
      sim.send(this.#laneOf[to]!, end + latencyNs, handlers.signal, to, index);
      return;
    }
    this.#setOut(index, to, (linkFrom >= 0 ? 2 : 0) + (nicFrom >= 0 ? 2 : 0), latencyNs);
    this.#serve(linkFrom, linkTo, nicFrom, nicTo, bytes, index);
  }

  /**
   * True when everything on the way of a put is idle: when its signal arrives is known at its start, unless another put
   * joins it.
   */
  #mayGoAlone(
    linkFrom: number,
    linkTo: number,
    nicFrom: number,
    nicTo: number,
    bytes: number,
  ): boolean {
    if (linkFrom >= 0) {
      if (!(this.egress.isIdle(linkFrom) && this.ingress.isIdle(linkTo))) return false;
      if (this.egress.ticksAlone(bytes) === Number.POSITIVE_INFINITY) return false;
    }
    if (nicFrom >= 0) {
      if (!(this.nicOut.isIdle(nicFrom) && this.nicIn.isIdle(nicTo))) return false;
      if (this.nicOut.ticksAlone(bytes) === Number.POSITIVE_INFINITY) return false;
    }
    return true;
  }

  /** Another flow joins a put that was alone: what of it is not served yet is a flow like any other, and its signal late. */
  #accompany(index: number): void {
    const at = index * messageWords;
    const { words } = this.#messages;
    const from = this.#gpuOf[words[at + Message.source]!]!;
    const way = this.#fabric.route(from, this.#gpuOf[words[at + Message.to]!]!);
    const { linkFrom, linkTo, nicFrom, nicTo } = way;
    let open = 0;
    if (linkFrom >= 0) {
      if (this.egress.accompany(linkFrom, index)) open++;
      if (this.ingress.accompany(linkTo, index)) open++;
    }
    if (nicFrom >= 0) {
      if (this.nicOut.accompany(nicFrom, index)) open++;
      if (this.nicIn.accompany(nicTo, index)) open++;
    }
    words[at + Message.open] = staleSignal + open;
  }

  /** A resource has served a put, or its part of a copy. */
  #onPart(flow: number): void {
    if (flow < 0) {
      this.#onCopied(~flow);
      return;
    }
    const { words } = this.#messages;
    const at = flow * messageWords + Message.open;
    const open = words[at]! - 1;
    words[at] = open;
    if (open % staleSignal === 0) this.#onPutDone(flow);
  }

  #onCopied(transfer: number): void {
    const at = transfer * transferWords;
    const { words } = this.#transfers;
    const open = words[at]! - 1;
    words[at] = open;
    if (open > 0) return;
    this.#transfers.free(transfer);
    this.#world.sim.call(words[at + 1]!, words[at + 2]!, words[at + 3]!);
  }

  #onPutDone(index: number): void {
    const at = index * messageWords;
    const { words } = this.#messages;
    const { sim, handlers } = this.#world;
    const to = words[at + Message.to]!;
    const visible = sim.now + words[at + Message.latency]!;
    sim.send(this.#laneOf[to]!, visible, handlers.signal, to, index);
  }

  #onSignal(state: RankState, index: number): void {
    const at = index * messageWords;
    const { words } = this.#messages;
    if (words[at + Message.open]! >= staleSignal) {
      words[at + Message.open]! -= staleSignal;
      return;
    }
    const source = words[at + Message.source]!;
    const epoch = words[at + Message.epoch]!;
    const flag = words[at + Message.flag]! >>> 0;
    const rows = words[at + Message.rows]!;
    const tiles = words[at + Message.tiles]!;
    this.#messages.free(index);
    // The four epoch states tell apart only what lies within one launch of the reader's own. A late signal is a no-op: the
    // reader did not have to wait for it, because another of its sender's had told all it needed.
    const early = epoch - state.epoch;
    if (!(early === 0 || early === 1 || (early === -1 && rows === 0))) {
      fail(
        this.#world,
        state,
        `a signal of ${rows} rows of launch ${epoch} came from rank ${source}`,
      );
    }
    if (flag < dispatchFlags(this.#world.shape)) {
      this.#assertRead(state, flag, source);
      state.flagRows[flag] = rows;
      state.flagTiles[flag] = tiles;
    } else if (state.flagState[flag] !== 0) {
      fail(this.#world, state, `combine flag ${flag} was set twice before it was read`);
    }
    state.flagState[flag] = epochState(epoch);
    this.#subscribers.noteFlag(state.rank, flag);
  }

  /** A word that carries rows must have been read before its sender writes the next one (S8). */
  #assertRead(state: RankState, flag: number, source: number): void {
    if (state.allRead || state.flagRows[flag] === 0) return;
    if (state.flagState[flag] !== epochState(state.epoch)) return;
    if (this.#subscribers.awaits(state.rank, flag)) {
      fail(this.#world, state, `rank ${source} overwrote dispatch flag ${flag} before it was read`);
    }
  }
}
