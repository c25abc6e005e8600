import { parseScenario } from '../../../sim/moe/load-scenario.ts';
import type { Scenario } from '../../../sim/moe/scenario.ts';
import { scenarioHash } from '../../../sim/moe/scenario-hash.ts';
import { TraceBuilder } from '../../../sim/trace/builder.ts';
import { EventKind, type EventKindName } from '../../../sim/trace/generated/events.ts';
import type { Trace, TraceHeader } from '../../../sim/trace/trace.ts';

/** `[time, launch, rank, block, kind, aux, a, b]`; block 2 is the OS block. */
export type HandEvent = readonly [
  time: number,
  launch: number,
  rank: number,
  block: number,
  kind: EventKindName,
  aux?: number,
  a?: number,
  b?: number,
];

/** One rank, one expert, 8 tokens and tiles as large as the matrices: tasks 0 (GEMM0), 1 (GEMM1) and 2 (COMBINE). */
export function smallestScenario(launches: number): Scenario {
  const text = `
world: { ranks: 1, blocks: 3 }
model: { tokens: 8, hidden: 64, intermediate: 64, experts: 1, topK: 1 }
tiles: { rows: 8, cols: 64 }
launches: ${launches}
`;
  return parseScenario(text, 'smallest.yaml');
}

/** A trace of {@link smallestScenario} written by hand, with two processors. */
export function handTrace(events: readonly HandEvent[], header: Partial<TraceHeader> = {}): Trace {
  const launches = new Set(events.map((event) => event[1])).size;
  const scenario = smallestScenario(Math.max(1, launches));
  const builder = new TraceBuilder();
  for (const [time, launch, rank, block, kind, aux = 0, a = 0, b = 0] of events) {
    builder.add(time, launch, rank, block * 32, EventKind[kind], aux, a, b);
  }
  return builder.finish({
    version: 1,
    source: 'simulator',
    producer: { name: 'by hand', version: '0', hash: '' },
    scenario,
    scenarioHash: scenarioHash(scenario),
    seed: 1,
    launches,
    firstLaunch: 0,
    readiness: 'eager',
    policy: 'fifo',
    ranks: [{ blocks: 3, subscribers: 1 }],
    clock: { unit: 'ns', residualNs: { sameRank: 0, crossRank: 0 }, method: 'by hand' },
    rows: Array.from({ length: launches }, () => [[8]]),
    lostEvents: [0],
    machine: { name: 'none', facts: {} },
    launchMs: [],
    ...header,
  });
}

/**
 * A launch of 1000 ns on processors 0 and 1:
 * 0-100 dispatch, signal in flight 100-150, GEMM0 ready at 150 and started at 200 on processor 0, finished at 500;
 * GEMM1 ready at 500, started at 500 on processor 1, finished at 700; its signal in flight 700-800;
 * COMBINE ready at 800, started at 800, finished at 900; processor 0 exits at 900 and processor 1 at 1000.
 */
export function handLaunch(launch: number): readonly HandEvent[] {
  return [
    [0, launch, 0, 0, 'DispatchBegin'],
    [0, launch, 0, 1, 'DispatchBegin'],
    [100, launch, 0, 0, 'SignalSent', 0, 0, 8],
    [100, launch, 0, 0, 'DispatchEnd', 0, 8],
    [100, launch, 0, 1, 'DispatchEnd'],
    [150, launch, 0, 2, 'SignalObserved', 0, 0, 8],
    [150, launch, 0, 2, 'TasksReady', 0, 0, 1],
    [180, launch, 0, 2, 'TaskCommitted', 0, 0, 1],
    [190, launch, 0, 0, 'TaskConsumed', 0, 0, 1],
    [200, launch, 0, 0, 'TaskStarted', 0, 0, 1],
    [500, launch, 0, 0, 'TaskFinished', 0, 0, 0],
    [500, launch, 0, 0, 'TasksReady', 1, 1, 1],
    [500, launch, 0, 2, 'TaskCommitted', 1, 1, 1],
    [500, launch, 0, 1, 'TaskStarted', 0, 1, 1],
    [700, launch, 0, 1, 'SignalSent', 0, 1, 8],
    [700, launch, 0, 1, 'TaskFinished', 0, 1, 0],
    [800, launch, 0, 2, 'SignalObserved', 0, 1, 8],
    [800, launch, 0, 2, 'TasksReady', 0, 2, 1],
    [800, launch, 0, 2, 'TaskCommitted', 0, 2, 2],
    [800, launch, 0, 0, 'TaskStarted', 0, 2, 2],
    [900, launch, 0, 0, 'TaskFinished', 0, 2, 0],
    [900, launch, 0, 0, 'Exit'],
    [1000, launch, 0, 1, 'Exit'],
  ];
}

/**
 * A launch of 1000 ns with two GEMM tiles one after the other on processor 0, 200-500 and 500-700, and a COMBINE beside both,
 * 400-600. (No work asks for it: the COMBINE is that of the second tile.)
 */
export const besideLaunch: readonly HandEvent[] = [
  ...handLaunch(0).filter(([time]) => time < 500),
  [340, 0, 0, 2, 'TasksReady', 0, 2, 1],
  [350, 0, 0, 2, 'TaskCommitted', 0, 2, 2],
  [420, 0, 0, 1, 'TasksReady', 1, 1, 1],
  [390, 0, 0, 0, 'TaskConsumed', 0, 2, 2],
  [400, 0, 0, 0, 'TaskStarted', 0, 2, 2],
  [450, 0, 0, 2, 'TaskCommitted', 0, 1, 3],
  [470, 0, 0, 0, 'TaskConsumed', 0, 1, 3],
  [500, 0, 0, 0, 'TaskFinished', 0, 0, 0],
  [500, 0, 0, 0, 'TaskStarted', 0, 1, 3],
  [600, 0, 0, 0, 'TaskFinished', 0, 2],
  [700, 0, 0, 0, 'TaskFinished', 0, 1],
  [1000, 0, 0, 0, 'Exit'],
];
