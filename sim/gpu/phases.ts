/** Milliseconds each phase of a run may take, per rank. */
export interface PhaseTimeouts {
  /** Start of the process and opening of the library. */
  readonly load: number;
  /** NVSHMEM's start; includes the first contact with the GPU. */
  readonly join: number;
  readonly open: number;
  /** Weights, made on the GPU. */
  readonly fill: number;
  /** Tokens of one launch, made on the host and copied. */
  readonly inputs: number;
  readonly launch: number;
  /** Copy of the trace rings and the routing. */
  readonly collect: number;
  /** The fp64 reference of one launch. */
  readonly check: number;
  readonly close: number;
}

export const defaultTimeouts: PhaseTimeouts = {
  load: 60_000,
  join: 90_000,
  open: 60_000,
  fill: 60_000,
  inputs: 60_000,
  launch: 30_000,
  collect: 60_000,
  check: 180_000,
  close: 30_000,
};
