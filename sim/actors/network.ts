import { FluidResource } from '../engine/fluid.ts';
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
}

/** A signal on its way. */
interface Message {
  source: number;
  epoch: number;
  flag: number;
  rows: number;
  tiles: number;
}

/** A transfer that crosses several resources: it ends when all have served it. */
interface Transfer {
  parts: number;
  handler: number;
  a: number;
  b: number;
}

/**
 * What lies between blocks: each GPU's memory and its two link directions, and each network card's, as fluid capacities,
 * and signals with latency. A transfer between GPUs takes everything on its way at once, the sender's egress and the
 * receiver's ingress in a node, cards between nodes, and ends when all have served it.
 */
export class Network {
  readonly memory: readonly FluidResource[];
  readonly egress: readonly FluidResource[];
  readonly ingress: readonly FluidResource[];
  /** The two directions of the network cards; none in a world of one node. */
  readonly nicOut: readonly FluidResource[];
  readonly nicIn: readonly FluidResource[];

  readonly #world: World;
  readonly #subscribers: Subscribers;
  readonly #fabric: Fabric;
  readonly #classes: MemoryClasses;
  readonly #part: number;
  readonly #putDone: number;
  readonly #transfers: Transfer[] = [];
  readonly #freeTransfers: number[] = [];
  readonly #messages: Message[] = [];
  readonly #freeMessages: number[] = [];

  constructor(world: World, subscribers: Subscribers) {
    this.#world = world;
    this.#subscribers = subscribers;
    const { sim, machine } = world;
    const { smCopyBytesPerNs: copy, smHbmBytesPerNs: stream } = machine;
    const caps = [...new Set([copy, stream])].sort((x, y) => x - y);
    this.#classes = { copy: caps.indexOf(copy), stream: caps.indexOf(stream) };
    const gpus = Array.from({ length: world.scenario.world.gpus }, (_, gpu) => gpu);
    const link = (gpu: number, way: string): FluidResource =>
      new FluidResource(sim, `GPU ${gpu} ${way}`, machine.linkBytesPerNs, [
        machine.smLinkBytesPerNs,
      ]);
    this.memory = gpus.map(
      (gpu) => new FluidResource(sim, `GPU ${gpu} memory`, machine.hbmBytesPerNs, caps),
    );
    this.egress = gpus.map((gpu) => link(gpu, 'egress'));
    this.ingress = gpus.map((gpu) => link(gpu, 'ingress'));
    this.#fabric = new Fabric(machine, gpus.length);
    const nics = Array.from(
      { length: this.#fabric.nodes > 1 ? this.#fabric.nics : 0 },
      (_, n) => n,
    );
    const card = (nic: number, way: string): FluidResource =>
      new FluidResource(sim, `NIC ${nic} ${way}`, machine.nicBytesPerNs, [machine.nicBytesPerNs]);
    this.nicOut = nics.map((nic) => card(nic, 'out'));
    this.nicIn = nics.map((nic) => card(nic, 'in'));
    this.#part = sim.handle((transfer) => this.#onPart(transfer));
    this.#putDone = sim.handle((to, message) => this.#onPutDone(to, message));
    world.handlers.signal = sim.handle((rank, message) =>
      this.#onSignal(world.ranks[rank]!, message),
    );
  }

  /** Streams `bytes` of weights from a GPU's memory into one SM. */
  stream(gpu: number, bytes: number, handler: number, a: number, b: number): void {
    this.memory[gpu]!.start(this.#classes.stream, bytes, handler, a, b);
  }

  /** Copies `bytes` by one block: inside a GPU through its memory (read and written), else over links and cards. */
  copy(from: number, to: number, bytes: number, handler: number, a: number, b: number): void {
    if (from === to) {
      this.memory[from]!.start(this.#classes.copy, 2 * bytes, handler, a, b);
      return;
    }
    const { linkFrom, linkTo, nicFrom, nicTo } = this.#fabric.route(from, to);
    const parts = (linkFrom >= 0 ? 2 : 0) + (nicFrom >= 0 ? 2 : 0);
    const index = this.#freeTransfers.pop() ?? this.#transfers.length;
    this.#transfers[index] = { parts, handler, a, b };
    if (linkFrom >= 0) {
      this.egress[linkFrom]!.start(0, bytes, this.#part, index, 0);
      this.ingress[linkTo]!.start(0, bytes, this.#part, index, 0);
    }
    if (nicFrom >= 0) {
      this.nicOut[nicFrom]!.start(0, bytes, this.#part, index, 0);
      this.nicIn[nicTo]!.start(0, bytes, this.#part, index, 0);
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
    const index = this.#message(from, flag, rows, tiles);
    const { sim, handlers } = this.#world;
    sim.at(time + this.latency(from.rank, to), handlers.signal, to, index);
  }

  /** Put with signal: transfers `bytes` without a block waiting, then puts the word on the flag. */
  put(from: RankState, to: number, bytes: number, flag: number, rows: number, tiles: number): void {
    const index = this.#message(from, flag, rows, tiles);
    this.copy(from.gpu, this.#world.ranks[to]!.gpu, bytes, this.#putDone, to, index);
  }

  #message(from: RankState, flag: number, rows: number, tiles: number): number {
    const index = this.#freeMessages.pop() ?? this.#messages.length;
    this.#messages[index] = { source: from.rank, epoch: from.epoch, flag, rows, tiles };
    return index;
  }

  #onPutDone(to: number, index: number): void {
    const { sim, handlers } = this.#world;
    const latency = this.latency(this.#messages[index]!.source, to);
    sim.at(sim.now + latency, handlers.signal, to, index);
  }

  #onPart(index: number): void {
    const transfer = this.#transfers[index]!;
    transfer.parts--;
    if (transfer.parts > 0) return;
    this.#freeTransfers.push(index);
    this.#world.sim.call(transfer.handler, transfer.a, transfer.b);
  }

  #onSignal(state: RankState, index: number): void {
    const message = this.#messages[index]!;
    this.#freeMessages.push(index);
    const { source, epoch, flag, rows, tiles } = message;
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
