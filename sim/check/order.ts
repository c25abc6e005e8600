import { laneName } from '../trace/analysis/event-index.ts';
import { eventFields } from '../trace/generated/events.ts';
import { type EdgeKind, EdgeList, edgeKinds, isRefutable, type UnmatchedRead } from './edges.ts';
import type { Facts } from './facts.ts';
import { addReadsFrom } from './reads-from.ts';

/** A cycle of events, each before the next and the last before the first, and why. */
export interface Cycle {
  readonly rows: readonly number[];
  /** `kinds[i]` orders `rows[i]` before `rows[i + 1]`. */
  readonly kinds: readonly EdgeKind[];
}

/** An edge whose reader's clock is before its writer's by more than clocks may disagree. */
export interface RefutedEdge {
  readonly from: number;
  readonly to: number;
  readonly kind: EdgeKind;
  /** Nanoseconds by which the read is too early, residual included. */
  readonly byNs: number;
}

/**
 * The order of a trace: program order of each actor, reads-from edges between actors, and kernel boundaries (a rank's
 * launch comes after its launch before, as its stream runs them). Clocks do not make it; they can only refute it.
 */
export interface Order {
  readonly edges: number;
  /** Present when the edges contradict one another. */
  readonly cycle: Cycle | undefined;
  readonly refuted: readonly RefutedEdge[];
  readonly unmatched: readonly UnmatchedRead[];
}

/** Builds all edges and looks for a linear extension (Kahn's algorithm): about 0.3 us an event. */
export function orderOf(facts: Facts): Order {
  const edges = new EdgeList();
  addReadsFrom(facts, edges);
  const refuted = refutedEdges(facts, edges);
  const nodes = facts.events.kind.length + addLaunchBoundaries(facts, edges);
  return {
    edges: edges.length,
    cycle: findCycle(facts, edges, nodes),
    refuted,
    unmatched: edges.unmatched,
  };
}

/**
 * A virtual node a (rank, launch) after the first: every actor's last event before it, every first one after it.
 * Returns the number of virtual nodes.
 */
function addLaunchBoundaries({ index, events, header }: Facts, edges: EdgeList): number {
  const rows = events.kind.length;
  const { launches, firstLaunch } = header;
  const node = (rank: number, launch: number): number =>
    rows + rank * (launches + 1) + launch - firstLaunch;
  for (let row = 0; row < rows; row++) {
    const rank = events.rank[row]!;
    const launch = events.launch[row]!;
    const before = index.previous[row]!;
    const after = index.next[row]!;
    if (before < 0 || events.launch[before] !== launch) {
      edges.add(node(rank, launch), row, 'launch');
    }
    if (after < 0 || events.launch[after] !== launch) {
      edges.add(row, node(rank, launch + 1), 'launch');
    }
  }
  return header.ranks.length * (launches + 1);
}

function refutedEdges({ events, header }: Facts, edges: EdgeList): RefutedEdge[] {
  const { sameRank, crossRank } = header.clock.residualNs;
  const refuted: RefutedEdge[] = [];
  for (let edge = 0; edge < edges.length; edge++) {
    const from = edges.from(edge);
    const to = edges.to(edge);
    if (!isRefutable[edges.code(edge)]) continue;
    // Times of two launches have different origins.
    if (events.launch[from] !== events.launch[to]) continue;
    const early = events.time[from]! - events.time[to]!;
    const residual = events.rank[from] === events.rank[to] ? sameRank : crossRank;
    if (early > residual) refuted.push({ from, to, kind: edges.kind(edge), byNs: early });
  }
  return refuted;
}

function findCycle(facts: Facts, edges: EdgeList, nodes: number): Cycle | undefined {
  const { next } = facts.index;
  const rows = next.length;
  const degree = new Int32Array(nodes);
  const begin = new Int32Array(nodes + 2);
  for (let edge = 0; edge < edges.length; edge++) {
    const to = edges.to(edge);
    const from = edges.from(edge) + 2;
    degree[to] = degree[to]! + 1;
    begin[from] = begin[from]! + 1;
  }
  for (let node = 2; node < begin.length; node++) begin[node] = begin[node]! + begin[node - 1]!;
  const out = new Int32Array(edges.length);
  for (let edge = 0; edge < edges.length; edge++) {
    const from = edges.from(edge) + 1;
    out[begin[from]!] = edges.to(edge);
    begin[from] = begin[from]! + 1;
  }
  for (let row = 0; row < rows; row++) {
    const after = next[row]!;
    if (after >= 0) degree[after] = degree[after]! + 1;
  }
  const ready = new Int32Array(nodes);
  let waiting = 0;
  for (let node = 0; node < nodes; node++) if (degree[node] === 0) ready[waiting++] = node;
  let done = 0;
  const release = (node: number): void => {
    degree[node] = degree[node]! - 1;
    if (degree[node] === 0) ready[waiting++] = node;
  };
  while (done < waiting) {
    const node = ready[done++]!;
    if (node < rows && next[node]! >= 0) release(next[node]!);
    for (let edge = begin[node]!; edge < begin[node + 1]!; edge++) release(out[edge]!);
  }
  return done === nodes ? undefined : walkCycle(facts, edges, degree);
}

/** Follows, from a node that Kahn left over, one left-over predecessor after the other until a node comes again. */
function walkCycle(facts: Facts, edges: EdgeList, degree: Int32Array): Cycle {
  const { previous } = facts.index;
  const rows = previous.length;
  const before = new Int32Array(degree.length).fill(-1);
  const why = new Uint8Array(degree.length);
  for (let row = 0; row < rows; row++) {
    if (degree[row]! > 0 && previous[row]! >= 0 && degree[previous[row]!]! > 0) {
      before[row] = previous[row]!;
    }
  }
  for (let edge = 0; edge < edges.length; edge++) {
    const to = edges.to(edge);
    if (degree[to] === 0 || degree[edges.from(edge)] === 0 || before[to]! >= 0) continue;
    before[to] = edges.from(edge);
    why[to] = edges.code(edge);
  }
  let node = degree.findIndex((left) => left > 0);
  const visited = new Set<number>();
  while (!visited.has(node)) {
    visited.add(node);
    node = before[node]!;
  }
  const cycle = [node];
  for (let at = before[node]!; at !== node; at = before[at]!) cycle.push(at);
  cycle.reverse();
  // `before` of the node after x is x, so its reason is the kind from x on.
  const kinds = cycle.map((_, i) => edgeKinds[why[cycle[(i + 1) % cycle.length]!]!]!);
  const isRow = cycle.map((each) => each < rows);
  return { rows: cycle.filter((_, i) => isRow[i]), kinds: kinds.filter((_, i) => isRow[i]) };
}

/** An event for people: `TaskStarted of rank 1 processor 7 at 1234 ns`. */
export function eventName({ index, events }: Facts, row: number): string {
  const name = Object.keys(eventFields)[events.kind[row]! - 1];
  return `${name} of ${laneName(index.lanes[index.laneOf[row]!]!)} at ${events.time[row]} ns`;
}
