import { Op } from '../moe/generated/layout.ts';
import { cellRowBlocks, gemm0Cols, gemm1Cols, type Shape } from '../moe/shape.ts';
import { gemm0Tasks, gemm1Tasks, type OpCode, taskSpace } from '../moe/task.ts';

/**
 * decodeTask of sim/moe for the simulator's inner loop: the sizes are worked out once and the fields are overwritten by
 * the next decode, so that a task costs four divisions and no object.
 */
export class TaskDecoder {
  op: OpCode = Op.Gemm0;
  /** Source rank; zero for COMBINE. */
  peer = 0;
  /** Local slot; global expert for COMBINE. */
  expert = 0;
  block = 0;
  col = 0;

  readonly #ranks: number;
  readonly #blocks: number;
  readonly #cols0: number;
  readonly #cols1: number;
  readonly #gemm0: number;
  readonly #gemm1: number;
  readonly #space: number;

  constructor(shape: Shape) {
    this.#ranks = shape.ranks;
    this.#blocks = cellRowBlocks(shape);
    this.#cols0 = gemm0Cols(shape);
    this.#cols1 = gemm1Cols(shape);
    this.#gemm0 = gemm0Tasks(shape);
    this.#gemm1 = this.#gemm0 + gemm1Tasks(shape);
    this.#space = taskSpace(shape);
  }

  /** Operation of a task, without decoding the rest. */
  operation(index: number): OpCode {
    if (index < this.#gemm0) return Op.Gemm0;
    return index < this.#gemm1 ? Op.Gemm1 : Op.Combine;
  }

  /** Decodes into the public fields. Throws RangeError outside the task space. */
  decode(index: number): this {
    if (!(index >= 0 && index < this.#space)) {
      throw new RangeError(`task ${index} is outside the task space [0, ${this.#space})`);
    }
    this.op = this.operation(index);
    const base = this.op === Op.Gemm0 ? 0 : this.op === Op.Gemm1 ? this.#gemm0 : this.#gemm1;
    const cols = this.op === Op.Gemm0 ? this.#cols0 : this.#cols1;
    const local = index - base;
    const rowBlock = Math.floor(local / cols);
    const cell = Math.floor(rowBlock / this.#blocks);
    this.col = local - rowBlock * cols;
    this.block = rowBlock - cell * this.#blocks;
    if (this.op === Op.Combine) {
      this.peer = 0;
      this.expert = cell;
    } else {
      this.expert = Math.floor(cell / this.#ranks);
      this.peer = cell - this.expert * this.#ranks;
    }
    return this;
  }
}
