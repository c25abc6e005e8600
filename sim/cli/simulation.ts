import { Worker } from 'node:worker_threads';
import type { OnlineSummary } from '../check/online/online.ts';
import type { Scenario } from '../moe/scenario.ts';
import { timeText } from '../report/units.ts';
import type { Trace } from '../trace/trace.ts';
import { InputError, Interrupted } from './outcome.ts';
import { startProgress } from './progress.ts';
import type { Terminal } from './terminal.ts';

/** What the thread gets. `stop` is one shared 32-bit word; anything but zero asks it to end between launches. */
export interface SimulationOrder {
  readonly scenario: Scenario;
  /** Keep the trace, or judge and measure the run as it goes and keep nothing. */
  readonly traced: boolean;
  readonly stop: SharedArrayBuffer;
}

/** What the thread sends. */
export type SimulationAnswer =
  | {
      readonly kind: 'progress';
      readonly launch: number;
      readonly launches: number;
      readonly timeNs: number;
      /** Tasks finished so far and in all; only of a run without a trace. */
      readonly tasks?: readonly [number, number];
    }
  | { readonly kind: 'trace'; readonly trace: Trace }
  | { readonly kind: 'summary'; readonly summary: UntracedSummary }
  | {
      readonly kind: 'error';
      readonly name: string;
      readonly message: string;
      readonly stack: string;
    };

/** What a run without a trace shows. */
export interface UntracedSummary extends OnlineSummary {
  /** Simulator events. */
  readonly events: number;
  /** Ctrl-C stopped it where it was. */
  readonly aborted: boolean;
  /** Most memory of the process so far, bytes. */
  readonly peakBytes: number;
}

/** Errors of the simulator that mean its input cannot be used. */
const inputErrors = new Set(['ScenarioError', 'MachineError', 'InputError']);

/**
 * Simulates a scenario in a thread of its own. After Ctrl-C the trace holds the launches that were finished.
 * @throws {InputError} when the simulator cannot use the scenario; {@link Interrupted} when no launch was finished
 */
export async function simulateScenario(scenario: Scenario, terminal: Terminal): Promise<Trace> {
  const answer = await inThread(scenario, terminal, true);
  if (answer.kind !== 'trace') throw new Error(`the simulator's thread answered ${answer.kind}`);
  return answer.trace;
}

/**
 * Simulates a scenario in a thread of its own and keeps no trace. After Ctrl-C the summary says how far it came.
 * @throws {InputError} when the simulator cannot use the scenario
 */
export async function simulateUntracedScenario(
  scenario: Scenario,
  terminal: Terminal,
): Promise<UntracedSummary> {
  const answer = await inThread(scenario, terminal, false);
  if (answer.kind !== 'summary') throw new Error(`the simulator's thread answered ${answer.kind}`);
  return answer.summary;
}

async function inThread(
  scenario: Scenario,
  terminal: Terminal,
  traced: boolean,
): Promise<Answer<'trace' | 'summary'>> {
  const stop = new SharedArrayBuffer(4);
  const order: SimulationOrder = { scenario, traced, stop };
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
    return await answerOf(worker, ({ launch, launches, timeNs, tasks }) => {
      const where = `launch ${launch + 1} of ${launches}, ${timeText(timeNs)}`;
      const share = tasks === undefined ? launch / launches : tasks[0] / Math.max(1, tasks[1]);
      progress.step(`simulating ${scenario.name}: ${where}`, share);
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
): Promise<Answer<'trace' | 'summary'>> {
  return new Promise((resolve, reject) => {
    worker.on('message', (answer: SimulationAnswer) => {
      if (answer.kind === 'progress') onProgress(answer);
      else if (answer.kind === 'error') reject(errorOf(answer));
      else resolve(answer);
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
