import { countGroups, type Machine } from '../machine/index.ts';
import type { FittedTrace } from './fitted-trace.ts';
import { leastSquares, medianOf, quantileOf } from './least-squares.ts';
import type { TileSample } from './task-samples.ts';

/** Processors whose status words a scheduler loads together, and tasks it places together. */
const sweepGroup = 160;
const lanes = 32;

/** Fewest tiles of one size whose median counts. */
const fewest = 20;

/** What an empty iteration costs, by processors: from iterations that followed several empty ones. */
export function emptySweepNs(machine: Machine, processors: number): number {
  return Math.ceil(processors / sweepGroup) * machine.statusPollNs + machine.queuePollNs;
}

/** Rounds after which the overlap of polls and placements has settled: each changes the last by a fraction. */
const overlapRounds = 50;

/**
 * Costs of an iteration that places tasks, beside its polls: once, and a task; and the mean size of a batch. The loads of an
 * iteration leave before the placements of the one before it, so only what these leave of the poll counts: how much that is
 * depends on what a placement costs, which is found by going round.
 */
export function fitSweeps(
  traces: readonly FittedTrace[],
  machine: Machine,
): { readonly sweepNs: number; readonly placementNs: number; readonly batch: number } {
  const sweeps = traces.flatMap(({ actors }) =>
    actors.sweeps.map((sweep) => ({ ...sweep, pollNs: emptySweepNs(machine, actors.processors) })),
  );
  let [sweepNs, placementNs] = [0, 0];
  for (let round = 0; round < overlapRounds; round++) {
    const found = leastSquares(
      sweeps.map(({ placed }) => [1, placed]),
      sweeps.map(({ ns, empty, before, pollNs }) => {
        const waited = Math.max(0, pollNs - before * placementNs);
        return ns - empty * pollNs - waited;
      }),
    );
    [sweepNs, placementNs] = [found[0]!, found[1]!];
  }
  const sum = (of: (placed: number) => number): number =>
    sweeps.reduce((total, { placed }) => total + of(placed), 0);
  const batch = sum((placed) => placed) / sum((placed) => Math.ceil(placed / lanes));
  return { sweepNs, placementNs, batch };
}

/**
 * Costs of an iteration that finds nothing, poll of the status words and of the queues: least squares over iterations of
 * kernels whose ranks have different numbers of processors, placements as a third unknown. Undefined where all are swept by
 * the same number of loads, so that the two polls cannot be told apart.
 */
export function fitPolls(
  traces: readonly FittedTrace[],
): { readonly statusPollNs: number; readonly queuePollNs: number } | undefined {
  const sweeps = traces.flatMap(({ actors }) =>
    actors.sweeps.map((sweep) => ({
      ...sweep,
      groups: Math.ceil(actors.processors / sweepGroup),
    })),
  );
  if (new Set(sweeps.map(({ groups }) => groups)).size < 2) return undefined;
  const [statusPollNs, queuePollNs] = leastSquares(
    sweeps.map(({ empty, placed, groups }) => [(empty + 1) * groups, empty + 1, placed]),
    sweeps.map(({ ns }) => ns),
  );
  return { statusPollNs: statusPollNs!, queuePollNs: queuePollNs! };
}

/** Gate and dispatch. */
export function fitGate(
  traces: readonly FittedTrace[],
  machine: Machine,
): {
  readonly fixedNs: number;
  readonly bytesPerNs: number;
  readonly placeNs: number;
  /** NaN where the traces' counts are too much alike to tell. */
  readonly countNs: number;
  readonly copyBytesPerNs: number;
} {
  const [fixedNs, nsPerByte] = leastSquares(
    traces.map(({ actors }) => [1, medianOf(actors.gateBytes)]),
    traces.map(({ actors }) => medianOf(actors.gateNs)),
  );
  const dispatches = traces
    .map(({ actors }) => ({
      groups: countGroups(actors.processors, actors.experts),
      bytes: medianOf(actors.dispatchBytes),
      ns: medianOf(actors.dispatchNs),
    }))
    .toSorted((x, y) => x.bytes - y.bytes);
  const least = dispatches[0]!;
  const copyBytesPerNs = Math.max(
    ...dispatches.slice(1).map(({ bytes, ns }) => (bytes - least.bytes) / (ns - least.ns)),
  );
  const arrivals = machine.fenceNs + 2 * machine.atomicNs;
  const placing = dispatches.map(({ bytes, ns }) => ns - bytes / copyBytesPerNs - arrivals);
  const counts = dispatches.map(({ groups }) => groups);
  const tellsCounts = Math.max(...counts) >= 4 * Math.min(...counts);
  const [placeNs, countNs] = tellsCounts
    ? leastSquares(
        counts.map((groups) => [1, groups]),
        placing,
      )
    : [medianOf(placing), Number.NaN];
  return {
    fixedNs: fixedNs!,
    bytesPerNs: 1 / nsPerByte!,
    placeNs: placeNs!,
    countNs: countNs!,
    copyBytesPerNs,
  };
}

/** What GEMM tiles show. */
export interface TileFit {
  /** What binds a tile whose weights are near: tensor work, or its operands' way from L2. */
  readonly bound: 'tensor' | 'operands';
  /** Of a whole SM. Of the two the one that binds; the other only so that it does not. */
  readonly flopPerNs: number;
  readonly l2BytesPerNs: number;
  readonly fixedNs: number;
  readonly smHbmBytesPerNs: number;
  readonly hbmBytesPerNs: number;
  readonly asideShare: number;
  readonly tensorBound: readonly FittedTrace[];
  /** Traces that the tiles' rate is from, and the memory's. */
  readonly near: readonly FittedTrace[];
  readonly memory: FittedTrace;
}

/**
 * GEMM tiles: the rate that binds them and their fixed part from those whose weights were near or whose tensor work
 * outweighs them, memory from the trace that reads most weights for its tensor work.
 */
export function fitTiles(traces: readonly FittedTrace[], machine: Machine): TileFit {
  // Weights of n bytes take n / (memory / SMs) of an SM; with their rows of tokens they take rows x n FLOP.
  const balance = (machine.tensorFlopPerNs * machine.sms) / machine.hbmBytesPerNs;
  const tensorBound = traces.filter((trace) => intensityOf(trace) > balance);
  const near = traces.map((trace) => ({
    trace,
    tiles: trace.tasks.tiles.filter(({ first }) => !first || tensorBound.includes(trace)),
  }));
  const groups = near.flatMap(({ tiles }) => bySize(tiles));
  const byFlop = line(groups, ({ flop, sms }) => flop / sms);
  const byBytes = line(groups, ({ operandBytes, sms }) => operandBytes / sms);
  const bound = byFlop.error <= byBytes.error ? 'tensor' : 'operands';
  const { fixedNs, slope } = bound === 'tensor' ? byFlop : byBytes;
  const busy = machine.blocksPerSm;
  const draws = (tiles: readonly TileSample[], of: (tile: TileSample) => number): number[] =>
    tiles
      .filter(({ durationNs }) => durationNs > fixedNs)
      .map((tile) => (busy * of(tile)) / tile.sms / (tile.durationNs - fixedNs));
  const all = traces.flatMap(({ tasks }) => tasks.tiles);
  const operands = draws(all, (tile) => tile.operandBytes);
  const memory = memoryBound(traces);
  const unread = memory.tasks.tiles.filter(({ first }) => first);
  const weights = draws(unread, (tile) => tile.weightBytes);
  return {
    bound,
    flopPerNs: bound === 'tensor' ? busy / slope : machine.tensorFlopPerNs,
    l2BytesPerNs: bound === 'tensor' ? quantileOf(operands, 0.99) : busy / slope,
    fixedNs,
    smHbmBytesPerNs: quantileOf(weights, 0.9),
    hbmBytesPerNs: streamRate(memory),
    asideShare: asideShare(tensorBound, fixedNs),
    tensorBound,
    near: near.filter(({ tiles }) => bySize(tiles).length > 0).map(({ trace }) => trace),
    memory,
  };
}

/** The trace bound by its weights most: of those that read about as many as any, the one with the least work for them. */
function memoryBound(traces: readonly FittedTrace[]): FittedTrace {
  const launchesOf = ({ tasks }: FittedTrace): number =>
    new Set(tasks.tiles.map(({ launch }) => launch)).size;
  const each = traces.map((trace) => ({ trace, bytes: weightsOf(trace) / launchesOf(trace) }));
  const most = Math.max(...each.map(({ bytes }) => bytes));
  return each
    .filter(({ bytes }) => bytes > most / 4)
    .map(({ trace }) => trace)
    .reduce((x, y) => (intensityOf(y) < intensityOf(x) ? y : x));
}

/** Bytes of weights that a trace's launches read, each once. */
function weightsOf({ tasks }: FittedTrace): number {
  return tasks.tiles.reduce((sum, tile) => sum + (tile.first ? tile.weightBytes : 0), 0);
}

/** Tensor work for each byte of weights, which is read once. */
function intensityOf(trace: FittedTrace): number {
  return trace.tasks.tiles.reduce((sum, { flop }) => sum + flop, 0) / weightsOf(trace);
}

/** The line through medians by size, and the mean of its relative errors. */
function line(
  groups: readonly TileGroup[],
  of: (group: TileGroup) => number,
): { readonly fixedNs: number; readonly slope: number; readonly error: number } {
  // Relative errors: short tiles count as much as long ones.
  const [fixedNs, slope] = leastSquares(
    groups.map((group) => [1 / group.median, of(group) / group.median]),
    groups.map(() => 1),
  );
  const errors = groups.map((group) =>
    Math.abs((fixedNs! + slope! * of(group)) / group.median - 1),
  );
  const error = errors.reduce((sum, each) => sum + each, 0) / errors.length;
  return { fixedNs: fixedNs!, slope: slope!, error };
}

/** Tiles of one size that ran alone. */
interface TileGroup {
  readonly flop: number;
  readonly sms: number;
  readonly operandBytes: number;
  readonly median: number;
}

/** Medians of the tiles of one size that ran alone. */
function bySize(tiles: readonly TileSample[]): TileGroup[] {
  const groups = Map.groupBy(
    tiles.filter(({ beside }) => beside === 0),
    ({ flop, operandBytes, sms }) => `${flop} ${operandBytes} ${sms}`,
  );
  return [...groups]
    .filter(([, group]) => group.length >= fewest)
    .map(([, group]) => ({
      flop: group[0]!.flop,
      sms: group[0]!.sms,
      operandBytes: group[0]!.operandBytes,
      median: medianOf(group.map(({ durationNs }) => durationNs)),
    }));
}

/** Weights that a GPU streamed in the middle half of a launch's tiles, bytes a nanosecond: mean over the launches. */
function streamRate({ tasks }: FittedTrace): number {
  const launches = [...Map.groupBy(tasks.tiles, ({ launch }) => launch).values()];
  const rates = launches.map((tiles) => {
    const ends = tiles.map(({ startedNs, durationNs }) => startedNs + durationNs);
    const [from, to] = [quantileOf(ends, 0.25), quantileOf(ends, 0.75)];
    const bytes = tiles.reduce((sum, { first, weightBytes, startedNs, durationNs }) => {
      if (!first || durationNs <= 0) return sum;
      const inside = Math.min(to, startedNs + durationNs) - Math.max(from, startedNs);
      return sum + (weightBytes * Math.max(0, inside)) / durationNs;
    }, 0);
    return bytes / (to - from);
  });
  return rates.reduce((sum, each) => sum + each, 0) / rates.length;
}

/** Share of the tensor rate that a COMBINE beside a tile takes: how much longer tiles of one size run beside one. */
function asideShare(traces: readonly FittedTrace[], fixedNs: number): number {
  const shares: number[] = [];
  for (const { tasks } of traces) {
    for (const { flop, median } of bySize(tasks.tiles)) {
      for (const tile of tasks.tiles) {
        if (tile.flop !== flop || tile.beside < 0.5) continue;
        const longer = (tile.durationNs - median) / (tile.durationNs - fixedNs);
        shares.push(longer / tile.beside);
      }
    }
  }
  return shares.length === 0 ? 0 : Math.max(0, medianOf(shares));
}

/** COMBINE: a fixed part, and bytes at one rate on the helpers and another on a whole processor. */
export function fitCombine(
  traces: readonly FittedTrace[],
  beside: boolean,
): { readonly fixedNs: number; readonly bytesPerNs: number; readonly wideBytesPerNs: number } {
  const samples = traces.flatMap(({ tasks }) => tasks.combines);
  const [fixedNs, nsPerByte, wideNsPerByte] = leastSquares(
    samples.map(({ bytes, wide }) =>
      beside ? [1, wide ? 0 : bytes, wide ? bytes : 0] : [1, bytes],
    ),
    samples.map(({ durationNs }) => durationNs),
  );
  return {
    fixedNs: fixedNs!,
    bytesPerNs: 1 / nsPerByte!,
    wideBytesPerNs: 1 / (wideNsPerByte ?? Number.NaN),
  };
}
