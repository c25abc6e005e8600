import type { NativeShape } from './layout.ts';

/** Facts about a GPU as this process sees it; an MPS share reports its own part. */
export interface DeviceInfo {
  readonly name: string;
  readonly device: number;
  /** Devices this process sees. */
  readonly devices: number;
  /** Multiprocessors this process may use. */
  readonly sms: number;
  /** Compute capability, major * 10 + minor. */
  readonly capability: number;
  readonly clockKhz: number;
  readonly driverVersion: number;
  readonly runtimeVersion: number;
  readonly sharedPerBlock: number;
  readonly l2Bytes: number;
  readonly memoryBytes: number;
  readonly memoryFree: number;
  /** Blocks of the fused kernel that fit at once in this process's share. */
  readonly residentBlocks: number;
}

export interface JoinOptions {
  readonly device: number;
  readonly rank: number;
  readonly ranks: number;
  /** Symmetric heap of this process; 0n keeps NVSHMEM's default. */
  readonly symmetricBytes: bigint;
  /** What one process got from uniqueId(); the same on every rank. */
  readonly uniqueId: Uint8Array;
}

/**
 * How the kernel multiplies: `mma` is mma.sync, for every transport; `wgmma` is Hopper's own, with tiles of up to 288 tokens x 128
 * columns or 176 x 256, for the direct transport.
 */
export type GemmPath = 'mma' | 'wgmma';

/** Scheduling policies that the kernel's scheduler knows, by the simulator's names. */
export const kernelPolicies = ['fifo', 'gemm1-first', 'interleave'] as const;
export type KernelPolicy = (typeof kernelPolicies)[number];

/** What a world is; all ranks must agree in all fields but `blocks`, `traceRecords` and `deadlineNs`. */
export interface WorldOptions {
  readonly shape: NativeShape;
  /** ranks + 1 prefix sums: rank r holds experts [placement[r], placement[r + 1]). */
  readonly placement: Uint32Array;
  /** Blocks of a launch, OS block included; 0: as many as are resident. */
  readonly blocks: number;
  readonly transport: 'direct' | 'put';
  readonly readiness: 'eager' | 'lazy';
  /** Of the scheduler. */
  readonly policy: KernelPolicy;
  readonly activation: 'identity' | 'relu' | 'gelu' | 'silu' | 'swiglu' | 'geglu';
  /** Of tokens, weights and results. `fp16`: the direct transport only; on wgmma in tiles of up to 288 x 128 or 176 x 256. */
  readonly dtype: 'bf16' | 'fp16';
  readonly renormalise: boolean;
  readonly bias: boolean;
  /** `given`: choices are uploaded instead of the router's top-k. */
  readonly gate: 'topK' | 'given';
  readonly gemm: GemmPath;
  /** Records a ring holds for one actor and launch; 0: tracing off. */
  readonly traceRecords: number;
  /** A launch that runs longer aborts itself; 0n: the library's default. */
  readonly deadlineNs: bigint;
}

export interface WorldInfo {
  readonly rank: number;
  readonly localExperts: number;
  /** Blocks of a launch; the last one is the OS block, or, where a pair is a processor, the last but one. */
  readonly blocks: number;
  /** Blocks or pairs of blocks, without the OS block's. */
  readonly processors: number;
  readonly subscribers: number;
  readonly threads: number;
  readonly sms: number;
  readonly blocksPerSm: number;
  readonly registers: number;
  readonly sharedBytes: number;
  readonly localBytes: number;
  readonly rings: number;
  /** Number of the next launch. */
  readonly epoch: number;
  readonly symmetricBytes: number;
  readonly deviceBytes: number;
}

/** Element types and shapes are in kerneltwin/api.h (`kt_tensor`). */
export type Tensor = 'x' | 'wg' | 'w1' | 'b1' | 'w2' | 'b2' | 'out' | 'choices' | 'rows' | 'scales';

export interface LaunchOptions {
  /** Tokens of this rank in this launch. */
  readonly tokens: number;
  /** Rows this rank may keep for one expert; 0: the shape's capacity. */
  readonly capacity: number;
  /** Barrier over all ranks first, so that launches start together. Collective. */
  readonly aligned: boolean;
  /** Fill the output with a pattern the kernel never writes; check() counts what is left. */
  readonly poisonOutput: boolean;
  /** Also the heap and the intermediate. Collective. */
  readonly poisonBuffers: boolean;
  /** Hold the stream until the launch is queued: `ms` is then the GPU's time alone, without the host's way to the launch. */
  readonly held: boolean;
}

export interface LaunchResult {
  readonly epoch: number;
  /** `abortCodes` of sim/trace/generated/events.ts; 0: clean. */
  readonly abortCode: number;
  readonly abortActor: number;
  readonly abortSite: number;
  /** GPU operations of the layer. */
  readonly kernels: number;
  /** Kernel time by CUDA events. */
  readonly ms: number;
}

/** Comparison of a launch's output with an fp64 reference. */
export interface CheckResult {
  readonly tokensChecked: number;
  readonly relativeError: number;
  readonly maxError: number;
  readonly referenceNorm: number;
  /** Output elements never written. */
  readonly unwritten: number;
  readonly notFinite: number;
  readonly routingMismatches: number;
  readonly routingNearTies: number;
  readonly placementMismatches: number;
  readonly scaleMismatches: number;
  readonly dropped: number;
  readonly worstToken: number;
  readonly worstColumn: number;
}

/** A trace ring as the GPU left it: 48 bytes of header and 16 bytes a record, little-endian. */
export interface RingBytes {
  readonly header: Uint8Array;
  readonly records: Uint8Array;
}

/**
 * One open world. Calls run one after the other on the library's own thread; each rejects with a BindingError. A
 * buffer handed to a call must not be written, transferred or shared before the call settles.
 */
export interface KernelWorld {
  info(): Promise<WorldInfo>;
  tensorBytes(tensor: Tensor): Promise<number>;
  upload(tensor: Tensor, offset: number, bytes: Uint8Array): Promise<void>;
  download(tensor: Tensor, offset: number, into: Uint8Array): Promise<void>;
  /** Amplitude 0: the tensor's default. */
  fill(tensor: Tensor, seed: bigint, amplitude: number): Promise<void>;
  launch(options: LaunchOptions): Promise<LaunchResult>;
  /** Ends a running launch; the only call that does not wait its turn. */
  abort(): void;
  /** State of the protocol as text, for reading after an abort. */
  dump(): Promise<string>;
  /** All rings of the last launch. */
  readRings(): Promise<RingBytes[]>;
  /** Checks every `stride`-th token; 1: all. */
  check(options: { readonly stride: number }): Promise<CheckResult>;
  /** Collective. Later calls fail with code CLOSED. */
  close(): Promise<void>;
}

/** The kernel library in this process, which can be one rank of one expert-parallel world. */
export interface Kernel {
  readonly path: string;
  readonly version: string;
  deviceInfo(device: number): Promise<DeviceInfo>;
  uniqueId(): Promise<Uint8Array>;
  /** Symmetric heap that a world of these options needs on every rank, bytes. */
  symmetricBytes(options: WorldOptions): Promise<bigint>;
  /** Collective, once per process. */
  join(options: JoinOptions): Promise<void>;
  barrier(): Promise<void>;
  leave(): Promise<void>;
  /** Collective. */
  openWorld(options: WorldOptions): Promise<KernelWorld>;
}
