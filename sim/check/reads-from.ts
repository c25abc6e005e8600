import { epochState, Freshness, freshness } from '../moe/packet.ts';
import { signalState, subscriberInterrupt } from '../trace/analysis/fields.ts';
import { groupRows, type RowGroups } from '../trace/analysis/row-groups.ts';
import type { EdgeKind, EdgeList } from './edges.ts';
import { type Facts, pairKey } from './facts.ts';

/** Adds every reads-from edge of docs/reference/protocol.md, and notes reads without a write. */
export function addReadsFrom(facts: Facts, edges: EdgeList): void {
  addBarriers(facts, edges);
  addCounterChains(facts, edges, facts.matches.cells, 'cell');
  addCounterChains(facts, edges, facts.matches.rowBlocks, 'row block');
  addSignals(facts, edges);
  addQueues(facts, edges);
  addDoorbells(facts, edges);
  addStatus(facts, edges);
  addInterrupts(facts, edges);
}

/** A counter is one chain of read-modify-writes: each arriver reads what the one before it wrote. */
function addCounterChains(
  { events }: Facts,
  edges: EdgeList,
  groups: RowGroups,
  kind: EdgeKind,
): void {
  for (let group = 0; group < groups.count; group++) {
    const rows = groups.rows(group).slice();
    rows.sort((x, y) => events.b[x]! - events.b[y]! || x - y);
    for (let i = 1; i < rows.length; i++) edges.add(rows[i - 1]!, rows[i]!, kind);
  }
}

function addBarriers(facts: Facts, edges: EdgeList): void {
  const { index, events } = facts;
  const { launch, rank, a } = events;
  const key = (row: number): number => pairKey(launch[row]!, rank[row]!);
  const arrivals = groupRows(index.rowsOf('BarrierArrive'), key, (row) => a[row]!);
  addCounterChains(facts, edges, arrivals, 'barrier');
  for (const row of index.rowsOf('BarrierLeave')) {
    const group = arrivals.find(key(row), a[row]!);
    const arrived = group < 0 ? new Uint32Array() : arrivals.rows(group);
    // A processor of several blocks arrives once for all of them.
    const expected = facts.processors(rank[row]!) + 1;
    if (arrived.length < expected) {
      edges.miss(
        row,
        'barrier',
        `left barrier phase ${a[row]}, where ${arrived.length} of ${expected} arrived`,
      );
    }
    const last = arrived.reduce((x, y) => (events.b[y]! >= events.b[x]! ? y : x), arrived[0] ?? 0);
    if (arrived.length > 0) edges.add(last, row, 'barrier');
  }
}

function addSignals({ index, events, header, matches }: Facts, edges: EdgeList): void {
  const { launch, rank, a, b, aux } = events;
  const end = header.firstLaunch + header.launches;
  for (const row of index.rowsOf('SignalObserved')) {
    const state = signalState(b[row]!);
    const fresh = freshness(state, launch[row]!);
    const sentIn = launch[row]! + (fresh === Freshness.Ahead ? 1 : 0);
    if (sentIn >= end) continue;
    const sent = matches.sent.first(pairKey(sentIn, rank[row]!), a[row]!);
    if (sent >= 0) {
      edges.add(sent, row, 'signal');
      continue;
    }
    const what = `flag ${a[row]} with state ${state} (launch ${sentIn}: ${epochState(sentIn)})`;
    edges.miss(row, 'signal', `observed ${what} from rank ${aux[row]}, which never sent it`);
  }
}

function addQueues({ index, events, tasks }: Facts, edges: EdgeList): void {
  for (const row of index.rowsOf('TaskCommitted')) {
    const ready = tasks.steps.ready.row[tasks.taskOf[row]!]!;
    if (ready >= 0) edges.add(ready, row, 'queue');
    else edges.miss(row, 'queue', `committed task ${events.a[row]}, which no queue entry holds`);
  }
}

function addDoorbells({ index, events, matches }: Facts, edges: EdgeList): void {
  const { rank, b } = events;
  for (const row of index.rowsOf('TaskConsumed')) {
    const { index: processor } = index.lanes[index.laneOf[row]!]!;
    const rung = matches.rung.first(pairKey(rank[row]!, processor), b[row]!);
    if (rung >= 0) edges.add(rung, row, 'doorbell');
    else edges.miss(row, 'doorbell', `took doorbell ${b[row]}, which nobody rang`);
  }
}

/** The event after which a doorbell's mailbox counts as free: consumed (eager) or finished (lazy); -1: none. */
export function freeingRow(
  { index, header, matches, tasks }: Facts,
  rank: number,
  processor: number,
  sequence: number,
): number {
  const consumed = matches.consumed.first(pairKey(rank, processor), sequence);
  if (consumed < 0 || header.readiness === 'eager') return consumed;
  const finished = tasks.steps.finished.row[tasks.taskOf[consumed]!]!;
  const own = finished > consumed && index.laneOf[finished] === index.laneOf[consumed];
  return own ? finished : -1;
}

function addStatus(facts: Facts, edges: EdgeList): void {
  const { index, events, header } = facts;
  const { launch, rank, aux, a, b } = events;
  // Launch in which a processor was last seen ready.
  const seen = header.ranks.map((_, of) => new Int32Array(facts.processors(of) + 1).fill(-1));
  for (const row of index.rowsOf('ProcessorReady')) {
    const launches = seen[rank[row]!]!;
    const first = launches[aux[row]!] !== launch[row];
    launches[aux[row]!] = launch[row]!;
    const freed = freeingRow(facts, rank[row]!, aux[row]!, a[row]!);
    if (freed >= 0) edges.add(freed, row, 'status');
    // At a launch's start the mailbox is free from the launch before: nothing in this one wrote the word.
    else if (!first) {
      const what = `saw status ${a[row]} of processor ${aux[row]}`;
      edges.miss(row, 'status', `${what}, which did not free doorbell ${a[row]}`);
    }
  }
  for (const row of index.rowsOf('Interrupt')) {
    if (aux[row]! >= subscriberInterrupt) continue;
    const freed = freeingRow(facts, rank[row]!, aux[row]!, b[row]! - 1);
    if (freed >= 0) edges.add(freed, row, 'status');
  }
}

function addInterrupts({ events, matches }: Facts, edges: EdgeList): void {
  const { interrupts, exits } = matches;
  for (let group = 0; group < exits.count; group++) {
    for (const exit of exits.rows(group)) {
      const key = pairKey(events.launch[exit]!, events.rank[exit]!);
      const interrupt = interrupts.first(key, events.actor[exit]!);
      if (interrupt >= 0) edges.add(interrupt, exit, 'interrupt');
    }
  }
}
