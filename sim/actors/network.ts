import { FluidResource } from '../engine/fluid.ts';
import { FluidBank } from '../engine/fluid-bank.ts';
import { Fabric } from '../machine/fabric.ts';
import { dispatchFlags } from '../moe/heap.ts';
import { epochState } from '../moe/packet.ts';
import type { RankState } from './rank.ts';
import { RecordPool } from './record-pool.ts';
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
 * Words of a signal on its way: source rank, launch, flag, rows, row blocks. Then for one that waits for a put to begin, its
 * bytes in two words; after that, the receiver, and the events to come that do not count.
 */
const messageWords = 8;

/** Words of a transfer that crosses several resources: those that still serve it, then whom to tell, and what. */
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
    const done = sim.handle((transfer) => this.#onPart(transfer));
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
    this.#putDone = sim.handle((to, message) => this.#onPutDone(to, message));
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

  /** Copies `bytes` by one block: inside a GPU through its memory (read and written), else over links and cards. */
  copy(from: number, to: number, bytes: number, handler: number, a: number, b: number): void {
    if (from === to) {
      this.memory[from]!.start(this.#classes.copy, 2 * bytes, handler, a, b);
      return;
    }
    const { linkFrom, linkTo, nicFrom, nicTo } = this.#fabric.route(from, to);
    const parts = (linkFrom >= 0 ? 2 : 0) + (nicFrom >= 0 ? 2 : 0);
    const index = this.#transfers.take();
    const at = index * transferWords;
    const { words } = this.#transfers;
    words[at] = parts;
    words[at + 1] = handler;
    words[at + 2] = a;
    words[at + 3] = b;
    if (linkFrom >= 0) {
      this.egress.start(linkFrom, bytes, index);
      this.ingress.start(linkTo, bytes, index);
    }
    if (nicFrom >= 0) {
      this.nicOut.start(nicFrom, bytes, index);
      this.nicIn.start(nicTo, bytes, index);
    }
  }

  /** How long a small store takes from one rank to another. */
  latency(from: number, to: number): number {
    const { ranks, machine } = this.#world;
    const [source, target] = [ranks[from]!.gpu, ranks[to]!.gpu];
    if (source === target) return machine.sharedGpuNs;
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
    const { sim, handlers, ranks } = this.#world;
    sim.send(ranks[to]!.lane, time + this.latency(from.rank, to), handlers.signal, to, index);
  }

  /** Put with signal: transfers `bytes` without a block waiting, then puts the word on the flag. */
  put(from: RankState, to: number, bytes: number, flag: number, rows: number, tiles: number): void {
    const index = this.#message(from, flag, rows, tiles, bytes);
    const { sim, ranks, networkLane } = this.#world;
    if (from.gpu === ranks[to]!.gpu) {
      this.#messages.words[index * messageWords + 6] = 0;
      this.copy(from.gpu, from.gpu, bytes, this.#putDone, to, index);
    } else {
      sim.send(networkLane, sim.now, this.#putStart, to, index);
    }
  }

  #message(from: RankState, flag: number, rows: number, tiles: number, bytes: number): number {
    const index = this.#messages.take();
    const at = index * messageWords;
    const { words } = this.#messages;
    words[at] = from.rank;
    words[at + 1] = from.epoch;
    words[at + 2] = flag;
    words[at + 3] = rows;
    words[at + 4] = tiles;
    words[at + 5] = Math.floor(bytes / two32);
    words[at + 6] = bytes;
    return index;
  }

  /** In the network's lane: the bytes of a put begin to move. */
  #onPutStart(to: number, index: number): void {
    const at = index * messageWords;
    const { words } = this.#messages;
    const { ranks } = this.#world;
    const bytes = words[at + 5]! * two32 + (words[at + 6]! >>> 0);
    const from = ranks[words[at]!]!.gpu;
    words[at + 5] = to;
    words[at + 6] = 0;
    if (this.#putAlone(from, to, bytes, index)) return;
    this.copy(from, ranks[to]!.gpu, bytes, this.#putDone, to, index);
  }

  /** A put for which everything on its way is idle: when its signal arrives is known now, unless another put joins it. */
  #putAlone(from: number, to: number, bytes: number, index: number): boolean {
    const { sim, handlers, ranks } = this.#world;
    const { linkFrom, linkTo, nicFrom, nicTo, latencyNs } = this.#fabric.route(
      from,
      ranks[to]!.gpu,
    );
    const links = linkFrom >= 0;
    const cards = nicFrom >= 0;
    if (links && this.egress.ticksAlone(bytes) === Number.POSITIVE_INFINITY) return false;
    if (cards && this.nicOut.ticksAlone(bytes) === Number.POSITIVE_INFINITY) return false;
    if (links && !(this.egress.isIdle(linkFrom) && this.ingress.isIdle(linkTo))) return false;
    if (cards && !(this.nicOut.isIdle(nicFrom) && this.nicIn.isIdle(nicTo))) return false;
    let end = 0;
    if (links) {
      end = this.egress.startAlone(linkFrom, bytes, index);
      this.ingress.startAlone(linkTo, bytes, index);
    }
    if (cards) {
      end = Math.max(end, this.nicOut.startAlone(nicFrom, bytes, index));
      this.nicIn.startAlone(nicTo, bytes, index);
    }
    sim.send(ranks[to]!.lane, end + latencyNs, handlers.signal, to, index);
    return true;
  }

  /** Another flow joins a put that was alone: what of it is not served yet goes on as a transfer like any other. */
  #accompany(index: number): void {
    const at = index * messageWords;
    const message = this.#messages.words;
    const { ranks } = this.#world;
    const to = message[at + 5]!;
    message[at + 6] = 1;
    const route = this.#fabric.route(ranks[message[at]!]!.gpu, ranks[to]!.gpu);
    const transfer = this.#transfers.take();
    let parts = 0;
    if (route.linkFrom >= 0) {
      if (this.egress.accompany(route.linkFrom, index, transfer)) parts++;
      if (this.ingress.accompany(route.linkTo, index, transfer)) parts++;
    }
    if (route.nicFrom >= 0) {
      if (this.nicOut.accompany(route.nicFrom, index, transfer)) parts++;
      if (this.nicIn.accompany(route.nicTo, index, transfer)) parts++;
    }
    const { words } = this.#transfers;
    words[transfer * transferWords] = parts;
    words[transfer * transferWords + 1] = this.#putDone;
    words[transfer * transferWords + 2] = to;
    words[transfer * transferWords + 3] = index;
  }

  #onPutDone(to: number, index: number): void {
    const { sim, handlers, ranks } = this.#world;
    const latency = this.latency(this.#messages.words[index * messageWords]!, to);
    sim.send(ranks[to]!.lane, sim.now + latency, handlers.signal, to, index);
  }

  #onPart(index: number): void {
    const at = index * transferWords;
    const { words } = this.#transfers;
    const left = words[at]! - 1;
    words[at] = left;
    if (left > 0) return;
    this.#transfers.free(index);
    this.#world.sim.call(words[at + 1]!, words[at + 2]!, words[at + 3]!);
  }

  #onSignal(state: RankState, index: number): void {
    const at = index * messageWords;
    const { words } = this.#messages;
    if (words[at + 6]! > 0) {
      words[at + 6] = 0;
      return;
    }
    const source = words[at]!;
    const epoch = words[at + 1]!;
    const flag = words[at + 2]! >>> 0;
    const rows = words[at + 3]!;
    const tiles = words[at + 4]!;
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
