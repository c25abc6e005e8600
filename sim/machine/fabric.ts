import type { Machine } from './constants.ts';

/** What a fabric is made of. */
export type FabricConstants = Pick<Machine, 'gpusPerNode' | 'nicsPerNode' | 'linkNs' | 'nicNs'>;

/**
 * Which links and network cards lie between two GPUs. GPUs of a node reach each other over the node's links. Between
 * nodes, a card is wired to the cards with its number in all other nodes: a rail. A GPU has one card, shared with its
 * neighbours where a node has fewer cards than GPUs. When sender and receiver have cards on different rails, the bytes
 * first cross the sender's node to the GPU with the receiver's place, or, where that place is empty, the receiver's.
 *
 * The fields hold the answer of the last {@link route}; -1: not used.
 */
export class Fabric {
  /** GPUs whose links are used, out of the first and into the second. */
  linkFrom = -1;
  linkTo = -1;
  /** Cards that are used, numbered over all nodes. */
  nicFrom = -1;
  nicTo = -1;
  /** One way, store to visible. */
  latencyNs = 0;

  readonly gpus: number;
  readonly nodes: number;
  /** Network cards of all nodes. */
  readonly nics: number;
  readonly #machine: FabricConstants;
  /** Node and network card of each GPU: {@link route} is asked for every transfer. */
  readonly #nodeOf: Int32Array;
  readonly #nicOf: Int32Array;

  constructor(machine: FabricConstants, gpus: number) {
    this.#machine = machine;
    this.gpus = gpus;
    this.nodes = Math.ceil(gpus / machine.gpusPerNode);
    this.nics = this.nodes * machine.nicsPerNode;
    const { gpusPerNode, nicsPerNode } = machine;
    this.#nodeOf = Int32Array.from({ length: gpus }, (_, gpu) => Math.floor(gpu / gpusPerNode));
    this.#nicOf = this.#nodeOf.map((node, gpu) => {
      const place = gpu - node * gpusPerNode;
      return node * nicsPerNode + Math.floor((place * nicsPerNode) / gpusPerNode);
    });
  }

  /** Least latency between two GPUs; Infinity for one alone. */
  get leastLatencyNs(): number {
    const { gpusPerNode, linkNs, nicNs } = this.#machine;
    const inside = Math.min(this.gpus, gpusPerNode) > 1 ? linkNs : Number.POSITIVE_INFINITY;
    return Math.min(inside, this.nodes > 1 ? nicNs : Number.POSITIVE_INFINITY);
  }

  nodeOf(gpu: number): number {
    return this.#nodeOf[gpu]!;
  }

  /** Network card of a GPU. */
  nicOf(gpu: number): number {
    return this.#nicOf[gpu]!;
  }

  /** Finds the way from one GPU to another one. */
  route(from: number, to: number): this {
    const { gpusPerNode, nicsPerNode, linkNs, nicNs } = this.#machine;
    const ahead = this.nodeOf(to) - this.nodeOf(from);
    if (ahead === 0) return this.#use(from, to, -1, -1, linkNs);
    const fromNic = this.nicOf(from);
    const toNic = this.nicOf(to);
    if (toNic - fromNic === ahead * nicsPerNode) return this.#use(-1, -1, fromNic, toNic, nicNs);
    const relay = to - ahead * gpusPerNode;
    if (relay < this.gpus) return this.#use(from, relay, this.nicOf(relay), toNic, nicNs + linkNs);
    const landing = from + ahead * gpusPerNode;
    return this.#use(landing, to, fromNic, this.nicOf(landing), nicNs + linkNs);
  }

  #use(linkFrom: number, linkTo: number, nicFrom: number, nicTo: number, ns: number): this {
    this.linkFrom = linkFrom;
    this.linkTo = linkTo;
    this.nicFrom = nicFrom;
    this.nicTo = nicTo;
    this.latencyNs = ns;
    return this;
  }
}
