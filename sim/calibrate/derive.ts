import type { BesideName, ConstantName, Machine } from '../machine/index.ts';
import { fitCombine, fitGate, fitSweeps, fitTiles, type TileFit } from './fits.ts';
import type { FittedTrace } from './fitted-trace.ts';
import { medianOf } from './least-squares.ts';

/** A constant as the traces have it: `source` says which traces, and what of them. */
export interface Derived {
  readonly name: ConstantName | BesideName;
  readonly value: number;
  readonly source: string;
}

/** Sources of constants that a calibration wrote, and writes again, begin so. */
export const fittedSource = 'fitted: ';

/**
 * The constants of one kernel that its traces determine, given the machine with what they do not: latencies between
 * actors, and what the kernel is built with. Durations within one actor are good to the timer's resolution; what lies between
 * two actors, to the residual of their clocks, so it is the median of many pairs in the trace whose clocks agree best.
 * `beside`: the kernel runs COMBINE beside tiles.
 * @throws {RangeError} when the traces hold no sample of one.
 */
export function deriveConstants(
  traces: readonly FittedTrace[],
  machine: Machine,
  beside: boolean,
): readonly Derived[] {
  const tiles = fitTiles(traces, machine);
  const derived = [
    ...scheduling(traces, machine, beside),
    ...opening(traces, machine),
    ...gemm(traces, tiles),
    ...combine(traces, machine, beside),
    ...(beside ? besideTiles(tiles) : []),
  ];
  // A profile without the constant, or with null in its place, would only fail where it is read.
  const unknown = derived.find(({ value }) => !Number.isFinite(value));
  if (unknown === undefined) return derived;
  const what = unknown.source.slice(fittedSource.length);
  throw new RangeError(`calibration: no sample for ${unknown.name}: ${what}`);
}

/** A source with the traces it is from. */
function from(traces: readonly FittedTrace[], what: string): string {
  return `${fittedSource}${what} (${traces.map(({ name }) => name).join(', ')})`;
}

/** Nanoseconds of a latency; the fit of one that is next to nothing may come out under zero. */
function whole(value: number): number {
  return Math.max(0, Math.round(value));
}

/** A rate or share to three digits. */
function rate(value: number): number {
  return Number(value.toPrecision(3));
}

/** The scheduler, and what passes between it, processors and subscribers. */
function scheduling(
  traces: readonly FittedTrace[],
  machine: Machine,
  beside: boolean,
): readonly Derived[] {
  const { sweepNs, placementNs, batch } = fitSweeps(traces, machine);
  const clearest = traces.reduce((x, y) => (y.residualNs < x.residualNs ? y : x));
  const flightNs = medianOf(clearest.cellNs);
  // An arrival is stamped before its counter answers.
  const wayNs = machine.atomicNs + machine.sharedGpuNs + machine.flagPollNs;
  // A doorbell goes out with its batch, half of which is rung after the median task.
  const bellNs = machine.doorbellNs + (batch / 2) * placementNs;
  const wakeNs = medianOf(clearest.tasks.wakeNs) - bellNs;
  const begins = traces.flatMap(({ actors }) => actors.consumedToStartedNs);
  const sweeps = 'iterations of the scheduler less their polls: least squares over tasks placed';
  const wake = 'commit to first product of an idle processor, median, less the doorbell';
  const flight =
    'last arrival at a cell to its signal observed, median, less counter, latency and poll';
  return [
    { name: 'sweepNs', value: whole(sweepNs), source: from(traces, sweeps) },
    { name: 'placementNs', value: whole(placementNs), source: from(traces, sweeps) },
    {
      name: 'releaseNs',
      value: whole(flightNs - wayNs),
      source: from([clearest], flight),
    },
    beside
      ? { name: 'taskDecodeNs', value: whole(wakeNs), source: from([clearest], wake) }
      : {
          name: 'taskDecodeNs',
          value: whole(medianOf(begins)),
          source: from(traces, 'consumed to started, median'),
        },
  ];
}

/** Gate, barrier and dispatch. */
function opening(traces: readonly FittedTrace[], machine: Machine): readonly Derived[] {
  const gate = fitGate(traces, machine);
  const arrive = medianOf(traces.flatMap(({ actors }) => actors.arriveNs));
  const gates = from(traces, 'gate of a block, median a trace: least squares over its bytes');
  const places = 'dispatch, median a trace, less copy, fence and arrivals';
  const copies = 'dispatch: bytes moved by an SM, less the fixed parts: the fastest trace';
  const found: Derived[] = [
    {
      name: 'atomicNs',
      value: whole(arrive),
      source: from(traces, 'end of the gate to the arrival at the barrier, median'),
    },
    { name: 'gateNs', value: whole(gate.fixedNs), source: gates },
    {
      name: 'gateBytesPerNs',
      value: rate(gate.bytesPerNs * machine.blocksPerSm),
      source: gates,
    },
    { name: 'placeNs', value: whole(gate.placeNs), source: from(traces, places) },
    {
      name: 'smCopyBytesPerNs',
      value: rate(gate.copyBytesPerNs * machine.blocksPerSm),
      source: from(traces, copies),
    },
  ];
  if (Number.isNaN(gate.countNs)) return found;
  const source = from(traces, `${places}: by counts read`);
  return [...found, { name: 'countNs', value: whole(gate.countNs), source }];
}

function gemm(traces: readonly FittedTrace[], tiles: TileFit): readonly Derived[] {
  const line = (over: string): string =>
    from(tiles.near, `tiles: least squares of medians by size over ${over}`);
  const operands = 'tiles, less the fixed part: 99th percentile of the operands a nanosecond';
  const draw = 'first tiles of weights, less the fixed part: 90th percentile of the rate';
  const streams = 'weights read in the middle half of the tiles, by time';
  const l2 = { name: 'smL2BytesPerNs', value: rate(tiles.l2BytesPerNs) } as const;
  const bound: readonly Derived[] =
    tiles.bound === 'operands'
      ? [{ ...l2, source: line('operands') }]
      : [
          {
            name: 'tensorFlopPerNs',
            value: Math.round(tiles.flopPerNs),
            source: line('tensor work'),
          },
          { ...l2, source: from(traces, operands) },
        ];
  return [
    ...bound,
    {
      name: 'gemmTaskNs',
      value: whole(tiles.fixedNs),
      source: line(tiles.bound === 'operands' ? 'operands' : 'tensor work'),
    },
    {
      name: 'smHbmBytesPerNs',
      value: rate(tiles.smHbmBytesPerNs),
      source: from([tiles.memory], draw),
    },
    {
      name: 'hbmBytesPerNs',
      value: rate(tiles.hbmBytesPerNs),
      source: from([tiles.memory], streams),
    },
  ];
}

function combine(
  traces: readonly FittedTrace[],
  machine: Machine,
  beside: boolean,
): readonly Derived[] {
  const { fixedNs, bytesPerNs, wideBytesPerNs } = fitCombine(traces, beside);
  const source = (where: string): string =>
    from(traces, `COMBINE${where}: least squares over bytes`);
  const fixed: Derived = { name: 'combineTaskNs', value: whole(fixedNs), source: source('') };
  if (!beside) {
    const value = rate(bytesPerNs * machine.blocksPerSm);
    return [fixed, { name: 'combineBytesPerNs', value, source: source('') }];
  }
  return [
    fixed,
    { name: 'asideBytesPerNs', value: rate(bytesPerNs), source: source(' on the helpers') },
    {
      name: 'wideBytesPerNs',
      value: rate(wideBytesPerNs),
      source: source(' on the whole processor'),
    },
  ];
}

/** What tiles and COMBINE tasks are to each other, from the traces whose tiles wait for nothing. */
function besideTiles({ tensorBound, asideShare }: TileFit): readonly Derived[] {
  const handOver = medianOf(tensorBound.flatMap(({ tasks }) => tasks.handOverNs));
  return [
    {
      name: 'handOverNs',
      value: whole(handOver),
      source: from(tensorBound, 'end of a tile to the first product of one that waited, median'),
    },
    {
      name: 'asideShare',
      value: rate(asideShare),
      source: from(tensorBound, 'tiles with and without a COMBINE beside them, medians by size'),
    },
  ];
}
