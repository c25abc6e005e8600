import { Worker } from 'node:worker_threads';
import type { Scenario } from '../moe/scenario.ts';
import { shareText, timeText } from '../report/units.ts';
import { InputError } from './outcome.ts';
import { startProgress } from './progress.ts';
import type { Terminal } from './terminal.ts';
import { textTable } from './text-table.ts';

/** What the run of one seed shows. */
export interface SeedRun {
  readonly seed: number;
  readonly makespanNs: number;
  readonly utilisation: number;
  readonly workConservationLossNs: number;
  readonly records: number;
  /** SHA-256 of the bytes of its trace file. */
  readonly traceSha256: string;
}

/** What a thread sends for a scenario it was sent. */
export type SeedAnswer =
  | { readonly run: SeedRun }
  | { readonly error: { readonly name: string; readonly message: string } };

const inputErrors = new Set(['ScenarioError', 'MachineError']);

/**
 * Simulates scenarios on some threads, one scenario a thread at a time. Runs share nothing, so what is returned, in the
 * order of the scenarios, does not depend on the number of threads. After Ctrl-C, the runs before the first unfinished one.
 * @throws {InputError} when the simulator cannot use a scenario
 */
export async function runSeeds(
  scenarios: readonly Scenario[],
  workers: number,
  terminal: Terminal,
): Promise<readonly SeedRun[]> {
  const progress = startProgress(terminal);
  const runs: (SeedRun | undefined)[] = scenarios.map(() => undefined);
  let next = 0;
  let done = 0;
  const serve = async (): Promise<void> => {
    const file = import.meta.url.endsWith('.ts') ? 'seed-worker.ts' : 'seed-worker.js';
    const worker = new Worker(new URL(file, import.meta.url));
    const onAbort = (): void => void worker.terminate();
    terminal.signal.addEventListener('abort', onAbort);
    try {
      while (next < scenarios.length && !terminal.signal.aborted) {
        const index = next++;
        const run = await answerOf(worker, scenarios[index]!, terminal.signal);
        runs[index] = run;
        done++;
        progress.step(`simulating ${scenarios.length} seeds`, done / scenarios.length);
      }
    } finally {
      terminal.signal.removeEventListener('abort', onAbort);
      await worker.terminate();
    }
  };
  try {
    const threads = Math.min(workers, scenarios.length);
    await Promise.all(Array.from({ length: threads }, serve));
  } finally {
    progress.done();
  }
  const missing = runs.indexOf(undefined);
  const whole = missing < 0 ? runs : runs.slice(0, missing);
  return whole.filter((run) => run !== undefined);
}

/** The run of one scenario; undefined when the signal ended it. */
function answerOf(
  worker: Worker,
  scenario: Scenario,
  signal: AbortSignal,
): Promise<SeedRun | undefined> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      act();
    };
    const onMessage = (answer: SeedAnswer): void =>
      settle(() => ('run' in answer ? resolve(answer.run) : reject(errorOf(answer.error))));
    const onError = (error: Error): void => settle(() => reject(error));
    const onExit = (code: number): void =>
      settle(() =>
        signal.aborted
          ? resolve(undefined)
          : reject(new Error(`the simulator's thread ended with code ${code}`)),
      );
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    worker.postMessage(scenario, []);
  });
}

function errorOf({ name, message }: { readonly name: string; readonly message: string }): Error {
  return inputErrors.has(name) ? new InputError(message) : new Error(`${name}: ${message}`);
}

/** A line a seed. */
export function seedRunsText(runs: readonly SeedRun[]): string {
  const rows = runs.map((run) => [
    String(run.seed),
    timeText(run.makespanNs),
    shareText(run.utilisation),
    timeText(run.workConservationLossNs).replace(' ', ' processor-'),
    run.traceSha256,
  ]);
  return textTable(['seed', 'makespan', 'utilisation', 'loss', 'SHA-256 of the trace'], rows);
}
