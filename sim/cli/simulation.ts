import { Worker } from 'node:worker_threads';
import type { Scenario } from '../moe/scenario.ts';
import { timeText } from '../report/units.ts';
import type { Trace } from '../trace/trace.ts';
import { InputError, Interrupted } from './outcome.ts';
import { startProgress } from './progress.ts';
import type { Terminal } from './terminal.ts';

/** What the thread gets. `stop` is one shared 32-bit word; anything but zero asks it to end between launches. */
export interface SimulationOrder {
  readonly scenario: Scenario;
  readonly stop: SharedArrayBuffer;
}

/** What the thread sends. */
export type SimulationAnswer =
  | {
      readonly kind: 'progress';
      readonly launch: number;
      readonly launches: number;
      readonly timeNs: number;
    }
  | { readonly kind: 'trace'; readonly trace: Trace }
  | {
      readonly kind: 'error';
      readonly name: string;
      readonly message: string;
      readonly stack: string;
    };

/** Errors of the simulator that mean its input cannot be used. */
const inputErrors = new Set(['ScenarioError', 'MachineError', 'InputError']);

/**
 * Simulates a scenario in a thread of its own. After Ctrl-C the trace holds the launches that were finished.
 * @throws {InputError} when the simulator cannot use the scenario; {@link Interrupted} when no launch was finished
 */
export async function simulateScenario(scenario: Scenario, terminal: Terminal): Promise<Trace> {
  const stop = new SharedArrayBuffer(4);
  const order: SimulationOrder = { scenario, stop };
  const file = import.meta.url.endsWith('.ts') ? 'simulation-worker.ts' : 'simulation-worker.js';
  const worker = new Worker(new URL(file, import.meta.url), { workerData: order });
  const progress = startProgress(terminal);
  const onAbort = (): void => {
    Atomics.store(new Int32Array(stop), 0, 1);
  };
  if (terminal.signal.aborted) onAbort();
  terminal.signal.addEventListener('abort', onAbort);
  try {
    progress.step(`simulating ${scenario.name}`);
    return await answerOf(worker, ({ launch, launches, timeNs }) => {
      const where = `launch ${launch + 1} of ${launches}, ${timeText(timeNs)}`;
      progress.step(`simulating ${scenario.name}: ${where}`, launch / launches);
    });
  } finally {
    terminal.signal.removeEventListener('abort', onAbort);
    progress.done();
    await worker.terminate();
  }
}

type Answer<K extends SimulationAnswer['kind']> = Extract<SimulationAnswer, { kind: K }>;

function answerOf(
  worker: Worker,
  onProgress: (progress: Answer<'progress'>) => void,
): Promise<Trace> {
  return new Promise((resolve, reject) => {
    worker.on('message', (answer: SimulationAnswer) => {
      if (answer.kind === 'progress') onProgress(answer);
      else if (answer.kind === 'trace') resolve(answer.trace);
      else reject(errorOf(answer));
    });
    worker.on('error', reject);
    worker.on('exit', (code) =>
      reject(new Error(`the simulator's thread ended with code ${code}`)),
    );
  });
}

/** The thread's error as the command reports it: classes do not survive the way between threads. */
function errorOf({ name, message, stack }: Answer<'error'>): Error {
  const error =
    name === 'Interrupted'
      ? new Interrupted(message)
      : inputErrors.has(name)
        ? new InputError(message)
        : new Error(`${name}: ${message}`);
  error.stack = stack;
  return error;
}
