import { type LaunchRows, launchRows } from '../compare/launches.ts';
import { rowStep } from '../moe/generated/layout.ts';
import { recordedScenario } from '../moe/recorded-scenario.ts';
import { roundUp } from '../moe/shape.ts';
import { EventKind, type EventKindName, warpsPerActorBlock } from '../trace/generated/events.ts';
import { processorBlocksOf, processorsOf } from '../trace/rank-actors.ts';
import type { Trace } from '../trace/trace.ts';

/** Bytes of an element: bf16. */
const elementBytes = 2;

/** An iteration of a scheduler that placed tasks. */
interface Sweep {
  /** Iterations before it that found nothing. */
  readonly empty: number;
  readonly placed: number;
  /** Tasks that the one before it placed: the loads of this one left before their doorbells. */
  readonly before: number;
  /** From the end of the last one that placed tasks, over the empty ones, in ns. */
  readonly ns: number;
}

/** What a processor, or a scheduler, shows by its own records alone: one clock, so good to the timer's resolution. */
export interface ActorSamples {
  readonly processors: number;
  readonly experts: number;
  readonly gateNs: readonly number[];
  /** Token bytes that each block of these gates streamed, padding counted. */
  readonly gateBytes: readonly number[];
  readonly arriveNs: readonly number[];
  readonly dispatchNs: readonly number[];
  /** Bytes that each block of these dispatches moved: a token read once, written for each of its experts. */
  readonly dispatchBytes: readonly number[];
  readonly consumedToStartedNs: readonly number[];
  readonly sweeps: readonly Sweep[];
}

interface Found {
  gateNs: number[];
  gateBytes: number[];
  arriveNs: number[];
  dispatchNs: number[];
  dispatchBytes: number[];
  consumedToStartedNs: number[];
  sweeps: Sweep[];
}

export function actorSamples(trace: Trace): ActorSamples {
  const found: Found = {
    gateNs: [],
    gateBytes: [],
    arriveNs: [],
    dispatchNs: [],
    dispatchBytes: [],
    consumedToStartedNs: [],
    sweeps: [],
  };
  for (const rows of launchRows(trace)) readLaunch(trace, rows, found);
  const { experts } = recordedScenario(trace.header).model;
  return { processors: processorsOf(trace.header.ranks[0]!), experts, ...found };
}

function readLaunch(trace: Trace, rows: LaunchRows, found: Found): void {
  const { header, events } = trace;
  const { hidden, topK } = recordedScenario(header).model;
  const { time, rank, actor, kind, a } = events;
  const rowBytes = hidden * elementBytes;
  const last = new Map<number, Map<number, number>>();
  const placed = header.ranks.map(() => 0);
  const before = header.ranks.map(() => 0);
  for (let row = rows.begin; row < rows.end; row++) {
    const id = rank[row]! * 0x1000_0000 + actor[row]!;
    const at = time[row]!;
    let own = last.get(id);
    if (own === undefined) last.set(id, (own = new Map<number, number>()));
    const since = (name: EventKindName): number => at - (own.get(EventKind[name]) ?? Number.NaN);
    const actors = header.ranks[rank[row]!]!;
    const scheduler = processorsOf(actors) * warpsPerActorBlock;
    const blocks = processorBlocksOf(actors);
    switch (kind[row]) {
      case EventKind.GateEnd:
        // The OS block and blocks without tokens do nothing.
        if (a[row] === 0) break;
        found.gateNs.push(since('GateBegin'));
        found.gateBytes.push(roundUp(Math.ceil(a[row]! / blocks), rowStep) * rowBytes);
        break;
      case EventKind.BarrierArrive:
        if (actor[row]! < scheduler && a[row] === 0) found.arriveNs.push(since('GateEnd'));
        break;
      case EventKind.DispatchEnd:
        found.dispatchNs.push(since('DispatchBegin'));
        found.dispatchBytes.push((a[row]! * rowBytes * (1 + 1 / topK)) / blocks);
        break;
      case EventKind.TaskStarted:
        found.consumedToStartedNs.push(since('TaskConsumed'));
        break;
      case EventKind.TaskCommitted:
        placed[rank[row]!]!++;
        break;
      case EventKind.Sweep:
        found.sweeps.push({
          empty: a[row]!,
          placed: placed[rank[row]!]!,
          before: before[rank[row]!]!,
          ns: at - Math.max(own.get(EventKind.Sweep) ?? 0, own.get(EventKind.Bound) ?? 0),
        });
        before[rank[row]!] = placed[rank[row]!]!;
        placed[rank[row]!] = 0;
        break;
      default:
    }
    own.set(kind[row]!, at);
  }
}
