// Simulates in a thread of its own, so that Ctrl-C reaches the command while it runs.
import { parentPort, workerData } from 'node:worker_threads';
import { OnlineCheck } from '../check/online/online.ts';
import { simulate, simulateUntraced } from '../systems/fused/simulate.ts';
import { Interrupted } from './outcome.ts';
import type { SimulationAnswer, SimulationOrder } from './simulation.ts';

const order = workerData as SimulationOrder;
const stop = new Int32Array(order.stop);
/** The simulator only ever asks `aborted`; a real signal could not be set while this thread computes. */
const signal = {
  get aborted(): boolean {
    return Atomics.load(stop, 0) !== 0;
  },
  reason: new Interrupted('interrupted before the first launch was simulated: nothing was written'),
} as AbortSignal;

function answer(message: SimulationAnswer, transfer: ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, transfer);
}

function traced(): void {
  const { trace } = simulate(order.scenario, {
    signal,
    onProgress: ({ launch, launches, timeNs }) =>
      answer({ kind: 'progress', launch, launches, timeNs }),
  });
  const buffers = Object.values(trace.events).map((column) => column.buffer as ArrayBuffer);
  answer({ kind: 'trace', trace }, [...new Set(buffers)]);
}

function untraced(): void {
  let check: OnlineCheck | undefined;
  let inAll = 0;
  const { events, aborted } = simulateUntraced(
    order.scenario,
    (facts) => {
      check = new OnlineCheck(facts);
      inAll = check.tasksInAll;
      return check;
    },
    {
      signal,
      onProgress: ({ launch, launches, timeNs }) => {
        const tasks = [check?.tasks ?? 0, inAll] as const;
        answer({ kind: 'progress', launch, launches, timeNs, tasks });
      },
    },
  );
  if (check === undefined) throw new Error('the simulator made no sink');
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  answer({ kind: 'summary', summary: { ...check.summary(), events, aborted, peakBytes } });
}

try {
  if (order.traced) traced();
  else untraced();
} catch (error) {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  answer({ kind: 'error', name, message, stack: stack ?? '' });
}
