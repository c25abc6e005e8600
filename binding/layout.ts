/** Mirror of kernel/include/kerneltwin/layout/shape.h; see there for units. */
export interface NativeShape {
  readonly ranks: number;
  readonly experts: number;
  readonly slots: number;
  readonly tokens: number;
  readonly hidden: number;
  readonly intermediate: number;
  readonly topK: number;
  readonly capacity: number;
  readonly tileRows: number;
  readonly tileCols: number;
  /** Absent: false. */
  readonly gated?: boolean;
}

type Shaped = (shape: NativeShape) => number;
type ShapedBig = (shape: NativeShape) => bigint;

/**
 * The layout, packet and placement functions compiled from the kernel's own headers. 32-bit values are numbers and
 * wrap as unsigned arithmetic does, 64-bit values are BigInts. Arguments are checked for type and width, and sizes
 * that would divide by zero are refused (TypeError, RangeError); other illegal sizes pass, so that limits can be tested.
 */
export interface LayoutFunctions {
  ceilDiv(a: number, b: number): number;
  roundUp(a: number, b: number): number;
  readonly gemm0Cols: Shaped;
  readonly gemm1Cols: Shaped;
  readonly cellRowBlocks: Shaped;
  rowBlocks(shape: NativeShape, rows: number): number;
  rowSpan(shape: NativeShape, rows: number, block: number): { begin: number; count: number };
  tileWidth(shape: NativeShape, width: number, col: number): number;

  cellIndex(shape: NativeShape, source: number, round: number, stage: number, slot: number): bigint;
  readonly heapCells: ShapedBig;
  heapRow(shape: NativeShape, cell: bigint, row: number): bigint;
  readonly heapRows: ShapedBig;
  dispatchOffset(shape: NativeShape, cell: bigint, row: number, h: number): bigint;
  combineOffset(shape: NativeShape, cell: bigint, row: number, h: number): bigint;
  readonly heapElements: ShapedBig;
  intermediateOffset(
    shape: NativeShape,
    source: number,
    slot: number,
    row: number,
    i: number,
  ): bigint;
  readonly intermediateElements: ShapedBig;
  dispatchFlag(shape: NativeShape, source: number, slot: number): number;
  readonly dispatchFlags: Shaped;
  combineFlag(shape: NativeShape, expert: number, block: number, col: number): number;
  readonly flagCount: ShapedBig;

  readonly gemm0Tasks: Shaped;
  readonly gemm1Tasks: Shaped;
  readonly combineTasks: Shaped;
  readonly taskSpace: ShapedBig;
  rowBlockIndex(shape: NativeShape, slot: number, source: number, block: number): number;
  gemm0Task(shape: NativeShape, slot: number, source: number, block: number, col: number): number;
  gemm1Task(shape: NativeShape, slot: number, source: number, block: number, col: number): number;
  combineTask(shape: NativeShape, expert: number, block: number, col: number): number;
  decodeTask(
    shape: NativeShape,
    index: number,
  ): { op: number; peer: number; expert: number; block: number; col: number };

  epochState(epoch: number): number;
  freshness(state: number, epoch: number): number;
  packSignal(signal: NativeSignal): bigint;
  unpackSignal(word: bigint): NativeSignal;
  queueTag(ticket: number): number;
  packEntry(entry: NativeQueueEntry): bigint;
  unpackEntry(word: bigint): NativeQueueEntry;
  packDoorbell(doorbell: NativeDoorbell): bigint;
  unpackDoorbell(word: bigint): NativeDoorbell;
  packetLimits(shape: NativeShape): boolean;

  /** `base`: ranks + 1 prefix sums of the experts each rank holds. */
  home(base: Uint32Array, expert: number): { rank: number; slot: number };
  localExperts(base: Uint32Array, rank: number): number;
  globalExpert(base: Uint32Array, rank: number, slot: number): number;

  packRecord(
    ticks: bigint,
    kind: number,
    aux: number,
    a: number,
    b: number,
  ): { head: bigint; body: bigint };
  packPut(rows: number, colPlusOne: number): number;
  packSignalArg(rows: number, state: number): number;
  packReady(count: number, ticket: number): number;
  actorId(block: number, warp: number): number;
}

export interface NativeSignal {
  readonly state: number;
  readonly rows: number;
  readonly rowTiles: number;
}

export interface NativeQueueEntry {
  readonly tag: number;
  readonly first: number;
  readonly count: number;
}

export interface NativeDoorbell {
  readonly task: number;
  readonly sequence: number;
  readonly exit: boolean;
}
