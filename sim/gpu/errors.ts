/**
 * - `NO_ADDON`, `NO_KERNEL`, `API_VERSION`, `NO_GPU`: what is missing; see binding/index.ts.
 * - `NO_MPS`: ranks share a GPU, but its daemon is missing or did not start.
 * - `UNSUPPORTED`: the kernel or this machine cannot run this scenario.
 * - `RANK_DIED`: a rank's process ended by itself. `TIMEOUT`: a phase took too long.
 * - `RANK_FAILED`: a call into the library failed. `ABORTED`: a launch ended itself.
 * - `WRONG_RESULT`: routing or output differ from the reference.
 * - `INTERRUPTED`: the caller's signal.
 */
export type GpuRunErrorCode =
  | 'NO_ADDON'
  | 'NO_KERNEL'
  | 'API_VERSION'
  | 'NO_GPU'
  | 'NO_MPS'
  | 'UNSUPPORTED'
  | 'RANK_DIED'
  | 'TIMEOUT'
  | 'RANK_FAILED'
  | 'ABORTED'
  | 'WRONG_RESULT'
  | 'INTERRUPTED';

/** A run on the GPU that gave no trace. The message names rank and phase where they are known. */
export class GpuRunError extends Error {
  readonly code: GpuRunErrorCode;
  /** Last lines of the rank's output and, after an abort, the state of its protocol. */
  readonly details: string;

  constructor(code: GpuRunErrorCode, message: string, details = '', options?: ErrorOptions) {
    super(message, options);
    this.name = 'GpuRunError';
    this.code = code;
    this.details = details;
  }
}
