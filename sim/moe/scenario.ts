/**
 * A resolved scenario: what the YAML says with every default filled in. Plain JSON with a fixed key order, so that its
 * hash identifies the work. Both halves take exactly this.
 */
export interface Scenario {
  readonly name: string;
  readonly description: string;
  readonly world: World;
  readonly model: Model;
  readonly routing: RoutingSpec;
  readonly tiles: { readonly rows: number; readonly cols: number };
  /** Name of a scheduling policy (sim/policies). */
  readonly policy: string;
  readonly policyOptions: Readonly<Record<string, number | string | boolean>>;
  readonly readiness: 'eager' | 'lazy';
  /** Forward passes in a row. */
  readonly launches: number;
  readonly noise: {
    /** Relative spread of task durations, parts per million, uniform in [-x, x]. */
    readonly durationPpm: number;
    /** Each rank's start is delayed by a uniform draw from [0, x] ns each launch. */
    readonly launchSkewNs: number;
  };
  readonly seed: number;
}

export interface World {
  readonly ranks: number;
  /** Physical GPUs; ranks are spread evenly, `ranks % gpus == 0`. */
  readonly gpus: number;
  /** Name of a machine profile (sim/machine/profiles) or a path to one. */
  readonly machine: string;
  /** Blocks per rank including the OS's; null: as many as fit, shared evenly by the ranks of a GPU. */
  readonly blocks: number | null;
  /** Experts held by each rank, at least one; sums to `model.experts`. */
  readonly expertsPerRank: readonly number[];
  /** Direct stores through mapped peer memory, or put-with-signal from staging buffers. */
  readonly transport: 'direct' | 'put';
  /** How the kernel multiplies. Absent: `mma`, so that scenarios from before there was a choice stay the same. */
  readonly gemm?: GemmPath;
}

/** Kernels by how they multiply, the default first: `wgmma` runs COMBINE beside tiles, `mma` one task after the other. */
export const gemmPaths = ['mma', 'wgmma'] as const;
export type GemmPath = (typeof gemmPaths)[number];

/** Kernel of a world. */
export function gemmOf({ gemm }: Pick<World, 'gemm'>): GemmPath {
  return gemm ?? gemmPaths[0];
}

/**
 * What becomes of GEMM0's sums, in the order of the kernel's numbers: phi(x) of one sum a column, or gated, phi(gate) * up of two:
 * `swiglu` is silu(gate) * up, `geglu` gelu(gate) * up.
 */
export const activations = ['identity', 'relu', 'gelu', 'silu', 'swiglu', 'geglu'] as const;
export type Activation = (typeof activations)[number];

/** Whether an activation takes two sums a column, so that W1 has twice the rows. */
export function isGated(activation: Activation): boolean {
  return activation === 'swiglu' || activation === 'geglu';
}

export interface Model {
  /** Tokens of each rank. Zero is legal. */
  readonly tokens: readonly number[];
  readonly hidden: number;
  readonly intermediate: number;
  readonly experts: number;
  readonly topK: number;
  /** Rows per (source rank, expert) as a factor of S*k/E, rounded up; null: dropless (capacity S). */
  readonly capacityFactor: number | null;
  readonly activation: Activation;
  readonly dtype: 'bf16' | 'fp16';
  /** Scale = probabilities of the k choices renormalised to sum to one. */
  readonly renormalise: boolean;
  readonly bias: boolean;
}

export type RoutingSpec =
  | { readonly kind: 'uniform'; readonly seed: number }
  /** Expert e drawn with weight 1 / (e + 1)^exponent, experts permuted by the seed. */
  | { readonly kind: 'zipf'; readonly exponent: number; readonly seed: number }
  /** `share` of all first choices go to `experts`; the rest uniform. */
  | {
      readonly kind: 'hot';
      readonly experts: readonly number[];
      readonly share: number;
      readonly seed: number;
    }
  /** Rank `from` sends no token to the experts of rank `to`; otherwise uniform. */
  | { readonly kind: 'silent'; readonly from: number; readonly to: number; readonly seed: number }
  /**
   * Recorded choices: JSON, plain or gzipped, `{"choices": [launch][rank][token][k]}`. In YAML the path is relative to
   * the scenario; resolved, it is relative to the working directory. The content's SHA-256 identifies the routing.
   */
  | { readonly kind: 'file'; readonly path: string; readonly sha256: string };
