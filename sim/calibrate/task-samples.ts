import { type LaunchRows, launchRows } from '../compare/launches.ts';
import { type TaskSpan, taskSpans } from '../compare/task-spans.ts';
import { type World, worldOf } from '../compare/world.ts';
import { rowStep } from '../moe/generated/layout.ts';
import { decodeTask } from '../moe/layout.ts';
import { recordedScenario } from '../moe/recorded-scenario.ts';
import { type Routing, routeTokens } from '../moe/routing.ts';
import { roundUp, rowSpan, tileWidth, w1Rows } from '../moe/shape.ts';
import { EventKind, warpsPerActorBlock } from '../trace/generated/events.ts';
import { processorBlocksOf } from '../trace/rank-actors.ts';
import type { Trace } from '../trace/trace.ts';
import { combineBytes } from './combine-bytes.ts';

/** Bytes of an element: bf16. */
const elementBytes = 2;

/** A GEMM tile that ran. Times in ns. */
export interface TileSample {
  readonly durationNs: number;
  readonly startedNs: number;
  readonly launch: number;
  /** Tokens with padding. */
  readonly rows: number;
  readonly flop: number;
  /** SMs that ran it. */
  readonly sms: number;
  /** Bytes of its weights, and of its weights and tokens. */
  readonly weightBytes: number;
  readonly operandBytes: number;
  /** First task of the launch that reads these weights. */
  readonly first: boolean;
  /** Share of its time in which a COMBINE ran beside it. */
  readonly beside: number;
}

/** A COMBINE that ran: beside a tile or alone on the helpers, or wide on the whole processor. */
export interface CombineSample {
  readonly durationNs: number;
  /** That each SM of its processor moved. */
  readonly bytes: number;
  readonly wide: boolean;
}

/** What the tasks of a trace show, over all its launches and ranks. */
export interface TaskSamples {
  readonly tiles: readonly TileSample[];
  readonly combines: readonly CombineSample[];
  /** End of a tile to the beginning of the next on its processor, where that one was committed before. */
  readonly handOverNs: readonly number[];
  /** Commit to beginning of a tile whose processor had nothing to do: no task, or none yet and its dispatch done. */
  readonly wakeNs: readonly number[];
}

/** What lies between the commit of a task that waits for a tile's end and that end, at least: the clocks of two SMs differ. */
const surelyBeforeNs = 2000;

export function taskSamples(trace: Trace): TaskSamples {
  const world = worldOf(trace);
  const routing = routeTokens(recordedScenario(trace.header));
  const all = { tiles: [], combines: [], handOverNs: [], wakeNs: [] } as {
    tiles: TileSample[];
    combines: CombineSample[];
    handOverNs: number[];
    wakeNs: number[];
  };
  for (const rows of launchRows(trace)) {
    const spans = taskSpans(trace, world, rows).toSorted((x, y) => x.started - y.started);
    for (let rank = 0; rank < world.processors.length; rank++) {
      const own = spans.filter((span) => span.rank === rank);
      const tiles = own.filter(({ op }) => op !== 'COMBINE');
      const combines = own.filter(({ op }) => op === 'COMBINE');
      const sms = processorBlocksOf(trace.header.ranks[rank]!);
      const launch = rows.position;
      all.tiles.push(...tileSamples({ world, routing, launch, sms }, tiles, combines));
      const bytes = combineBytes(
        world,
        routing,
        launch,
        rank,
        combines.map(({ task }) => task),
      );
      all.combines.push(...combineSamples(combines, bytes, sms));
      waits(own, dispatchEnds(trace, rows, rank), all);
    }
  }
  return all;
}

interface RankLaunch {
  readonly world: World;
  readonly routing: Routing;
  readonly launch: number;
  /** SMs of a processor. */
  readonly sms: number;
}

function tileSamples(
  { world: { shape, placement }, routing, launch, sms }: RankLaunch,
  tiles: readonly TaskSpan[],
  combines: readonly TaskSpan[],
): TileSample[] {
  const read = new Set<number>();
  const aside = byProcessor(combines);
  return tiles.map((span) => {
    const { op, expert, peer, block, col } = { ...span, ...decodeTask(shape, span.task) };
    const first = op === 0;
    const depth = first ? shape.hidden : shape.intermediate;
    const width = tileWidth(shape, first ? w1Rows(shape) : shape.hidden, col);
    const global = placement.globalExpert(span.rank, expert);
    const count = rowSpan(shape, routing.rows[launch]![peer]![global]!, block).count;
    const rows = roundUp(count, rowStep);
    const weights = (global * 4096 + col) * 2 + (first ? 0 : 1);
    const unread = !read.has(weights);
    read.add(weights);
    const durationNs = span.finished - span.started;
    const shared = (aside.get(span.processor) ?? []).reduce(
      (sum, c) =>
        sum + Math.max(0, Math.min(c.finished, span.finished) - Math.max(c.started, span.started)),
      0,
    );
    return {
      durationNs,
      startedNs: span.started,
      launch,
      rows,
      flop: 2 * rows * width * depth,
      sms,
      weightBytes: width * depth * elementBytes,
      operandBytes: (width + rows) * depth * elementBytes,
      first: unread,
      beside: durationNs > 0 ? Math.min(1, shared / durationNs) : 0,
    };
  });
}

/** A COMBINE that begins while another of its processor is on the helpers is on the whole processor. */
function combineSamples(
  combines: readonly TaskSpan[],
  bytes: Float64Array,
  sms: number,
): CombineSample[] {
  const helpersBusyUntil = new Map<number, number>();
  return combines.map((span, i) => {
    const wide = (helpersBusyUntil.get(span.processor) ?? Number.NEGATIVE_INFINITY) > span.started;
    if (!wide) helpersBusyUntil.set(span.processor, span.finished);
    return { durationNs: span.finished - span.started, bytes: bytes[i]! / sms, wide };
  });
}

/** When each processor of a rank ended its dispatch. */
function dispatchEnds(
  { events }: Trace,
  { begin, end }: LaunchRows,
  of: number,
): ReadonlyMap<number, number> {
  const { time, rank, actor, kind } = events;
  const ends = new Map<number, number>();
  for (let row = begin; row < end; row++) {
    if (rank[row] !== of || kind[row] !== EventKind.DispatchEnd) continue;
    ends.set(Math.floor(actor[row]! / warpsPerActorBlock), time[row]!);
  }
  return ends;
}

function waits(
  spans: readonly TaskSpan[],
  dispatched: ReadonlyMap<number, number>,
  into: { readonly handOverNs: number[]; readonly wakeNs: number[] },
): void {
  for (const [processor, own] of byProcessor(spans)) {
    let tileEnd = Number.NaN;
    // A first tile counts as well: a processor that has more in its mailbox before each tile ends has no other wake.
    let anyEnd = dispatched.get(processor) ?? Number.NaN;
    for (const span of own) {
      if (span.op !== 'COMBINE') {
        if (span.committed < tileEnd - surelyBeforeNs && span.started >= tileEnd) {
          if (anyEnd === tileEnd) into.handOverNs.push(span.started - tileEnd);
        } else if (span.committed > anyEnd + surelyBeforeNs) {
          into.wakeNs.push(span.started - span.committed);
        }
        tileEnd = span.finished;
      }
      anyEnd = Number.isNaN(anyEnd) ? span.finished : Math.max(anyEnd, span.finished);
    }
  }
}

function byProcessor(spans: readonly TaskSpan[]): Map<number, TaskSpan[]> {
  const found = new Map<number, TaskSpan[]>();
  for (const span of spans) {
    const own = found.get(span.processor);
    if (own === undefined) found.set(span.processor, [span]);
    else own.push(span);
  }
  return found;
}
