import { ComparisonError } from '../compare/compare.ts';
import { GpuRunError, type GpuRunErrorCode } from '../gpu/errors.ts';
import { MachineError } from '../machine/machine-error.ts';
import { ScenarioError } from '../moe/scenario-error.ts';
import { TraceError } from '../trace/errors.ts';
import { type ExitCode, exitCodes, InputError, Interrupted } from './outcome.ts';

/** Errors that say what was wrong with what the command was given. */
const unusable = [InputError, ScenarioError, MachineError, TraceError, ComparisonError];

/** What is missing on this machine, or cannot run on it; any other code is a run that failed. */
const notHere: ReadonlySet<GpuRunErrorCode> = new Set([
  'NO_ADDON',
  'NO_KERNEL',
  'API_VERSION',
  'NO_GPU',
  'NO_MPS',
  'UNSUPPORTED',
]);

/** What a person is told of an error, and the exit code it means. */
export function errorOutcome(error: unknown): { readonly text: string; readonly code: ExitCode } {
  if (error instanceof GpuRunError) {
    const details = error.details === '' ? '' : `\n${error.details}`;
    return { text: `${error.code}: ${error.message}${details}`, code: gpuExitCode(error.code) };
  }
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof Interrupted) return { text, code: exitCodes.interrupted };
  if (unusable.some((kind) => error instanceof kind)) return { text, code: exitCodes.unusable };
  return { text, code: exitCodes.violations };
}

function gpuExitCode(code: GpuRunErrorCode): ExitCode {
  if (code === 'INTERRUPTED') return exitCodes.interrupted;
  return notHere.has(code) ? exitCodes.unusable : exitCodes.violations;
}
