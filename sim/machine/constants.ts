/**
 * The constants of a machine profile, each with its unit. A profile file gives every one of them a value, this unit and
 * a source: "measured on ...", "published ...", "chosen ..." or "assumed, to be calibrated".
 */
export const constantUnits = {
  sms: 'count',
  blocksPerSm: 'count',
  subscribers: 'count',
  blockShare: 'SM per block',
  tensorFlopPerNs: 'FLOP/ns per SM',
  hbmBytesPerNs: 'B/ns per GPU',
  smHbmBytesPerNs: 'B/ns per SM',
  smL2BytesPerNs: 'B/ns per SM',
  smCopyBytesPerNs: 'B/ns per SM',
  combineBytesPerNs: 'B/ns per SM',
  linkBytesPerNs: 'B/ns per GPU and direction',
  smLinkBytesPerNs: 'B/ns per SM',
  linkNs: 'ns',
  gpusPerNode: 'count',
  nicsPerNode: 'count',
  nicBytesPerNs: 'B/ns per NIC and direction',
  nicNs: 'ns',
  sharedGpuNs: 'ns',
  doorbellNs: 'ns',
  statusNs: 'ns',
  queueNs: 'ns',
  atomicNs: 'ns',
  barrierNs: 'ns',
  fenceNs: 'ns',
  releaseNs: 'ns',
  statusPollNs: 'ns per 160 processors',
  queuePollNs: 'ns per hand',
  sweepNs: 'ns per sweep that places',
  placementNs: 'ns per task placed',
  flagPollNs: 'ns per 128 flags',
  flagFindNs: 'ns per 32 flags with a find',
  interruptPollNs: 'ns per sweep',
  watchListNs: 'ns',
  gateNs: 'ns',
  gateBytesPerNs: 'B/ns per SM',
  placeNs: 'ns',
  countNs: 'ns per 128 counts',
  taskDecodeNs: 'ns',
  gemmTaskNs: 'ns',
  combineTaskNs: 'ns',
  launchNs: 'ns',
} as const;

export type ConstantName = keyof typeof constantUnits;

/** Names in the order of the profile files. */
export const constantNames: readonly ConstantName[] = Object.keys(constantUnits) as ConstantName[];

/** What a unit allows: counts are positive integers, latencies non-negative integers, shares under one, rates positive. */
export function valueRule(unit: string): 'count' | 'latency' | 'share' | 'rate' {
  if (unit === 'count') return 'count';
  if (unit.startsWith('share')) return 'share';
  return unit.startsWith('ns') ? 'latency' : 'rate';
}

/** One constant as a profile states it. */
export interface Constant {
  readonly value: number;
  readonly unit: string;
  readonly source: string;
}

/** The numbers alone: what the cost model computes with. */
export type Machine = { readonly [name in ConstantName]: number };

/**
 * Constants of a kernel that runs COMBINE tasks beside tiles: its processors have a stream of tiles, one after the other,
 * and beside it helper warps for one COMBINE at a time.
 */
export const besideUnits = {
  combineWaiting: 'count',
  handOverNs: 'ns',
  asideShare: 'share of an SM',
  asideBytesPerNs: 'B/ns per SM',
  wideBytesPerNs: 'B/ns per SM',
} as const;

export type BesideName = keyof typeof besideUnits;
export const besideNames: readonly BesideName[] = Object.keys(besideUnits) as BesideName[];

/** The numbers of a kernel with COMBINE beside tiles. */
export type Beside = { readonly [name in BesideName]: number };

/** What a kernel makes of a machine: other values of its constants, and its own where it has COMBINE beside tiles. */
export interface KernelConstants {
  readonly constants: Readonly<Partial<Record<ConstantName, Constant>>>;
  readonly beside?: Readonly<Record<BesideName, Constant>> | undefined;
}
