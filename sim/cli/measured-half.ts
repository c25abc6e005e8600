import type { GpuRunOptions } from '../gpu/record.ts';
import { runOnGpu } from '../gpu/run-on-gpu.ts';
import type { Scenario } from '../moe/scenario.ts';
import { InputError } from './outcome.ts';
import { packageRoot } from './package-info.ts';
import { startProgress } from './progress.ts';
import type { Measured } from './run-folder.ts';
import type { Terminal } from './terminal.ts';
import { openTrace } from './trace-file.ts';
import { findRecorded, libraryFolder } from './trace-library.ts';

/** Where the measured half comes from: a file, this machine's GPUs, or the recorded traces. */
export interface MeasuredChoice {
  readonly trace?: string;
  readonly live?: boolean;
}

/** The measured half of a scenario; where there is none, why. */
export type MeasuredHalf =
  | { readonly measured: Measured; readonly missing: '' }
  | { readonly measured: null; readonly missing: string };

/** Finds or records the measured half. */
export async function measuredHalf(
  scenario: Scenario,
  choice: MeasuredChoice,
  terminal: Terminal,
): Promise<MeasuredHalf> {
  if (choice.live) {
    if (choice.trace !== undefined) {
      throw new InputError('--live and --trace: expected one of them');
    }
    return { measured: await liveTrace(scenario, terminal), missing: '' };
  }
  if (choice.trace !== undefined) {
    const trace = await openTrace(choice.trace);
    return { measured: { trace, from: choice.trace }, missing: '' };
  }
  const found = await findRecorded(libraryFolder(packageRoot()), scenario);
  if (found.recorded !== null) {
    const { file, trace } = found.recorded;
    return { measured: { trace, from: file }, missing: '' };
  }
  const other =
    found.otherVersion === null
      ? ''
      : ` (${found.otherVersion} is of another version of this scenario, or of other options)`;
  return {
    measured: null,
    missing: `no recorded GPU trace for this scenario: the GPU half was not compared${other}`,
  };
}

/** Runs the scenario on this machine's GPUs, with the kernel library that was built unless another is named. */
export async function liveTrace(
  scenario: Scenario,
  terminal: Terminal,
  options: Pick<GpuRunOptions, 'library'> = {},
): Promise<Measured> {
  const progress = startProgress(terminal);
  try {
    const trace = await runOnGpu(scenario, {
      ...options,
      signal: terminal.signal,
      onProgress: (line) => progress.step(line),
    });
    return { trace, from: 'live' };
  } finally {
    progress.done();
  }
}
