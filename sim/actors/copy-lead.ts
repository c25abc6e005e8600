import { leadCopy, ringStages, stageDepth, tileSlots } from '../machine/wgmma-ring.ts';
import { Op } from '../moe/generated/layout.ts';
import { ceilDiv } from '../moe/shape.ts';
import { Front, Stream, type StreamWords, streamStride } from './stream-words.ts';
import type { TileWork } from './tile-work.ts';
import type { World } from './world.ts';

/**
 * When a tile leaves the mailbox of a processor that has others in hand: as soon as a given part of the copies of the tile before
 * it is issued. The ring of stages goes on from tile to tile, and a copy is issued when the products that read its stage
 * last are done; so the moment is a number of steps before the end of the tile that runs, whichever tile the copy is of.
 * Steps are shares of its tensor work: that weights which come from HBM may hold them up is left out.
 */
export class CopyLead {
  readonly #world: World;
  readonly #work: TileWork;
  readonly #stages: number;

  constructor(world: World, work: TileWork) {
    const { shape, blocksPerProcessor } = world;
    this.#world = world;
    this.#work = work;
    this.#stages = ringStages(shape.tileRows, shape.tileCols, blocksPerProcessor);
  }

  /**
   * True when the last tile in hand, which is still in the mailbox, may leave it. Otherwise to be asked again when another tile
   * begins or ends, or when {@link TileWork} says that its mark is reached.
   */
  mayLeave(rank: number, streams: StreamWords, p: number): boolean {
    const at = p * streamStride;
    const tiles = streams.words[at + Stream.tiles]!;
    if (tiles === 1) return true;
    const before = tiles - 2;
    const runs = streams.words[at + Stream.front] === Front.runs;
    const first = this.#stepsOf(streams, p, 0);
    const steps = before === 0 ? first : this.#stepsOf(streams, p, before);
    // A COMBINE has no copies: those of the next tile go out at once.
    if (steps === 0) return true;
    // Steps of the tile that runs which may be left when that copy is issued.
    let left = this.#stages - leadCopy(steps) - 1;
    if (runs && before === 0) left += steps;
    for (let n = runs ? 1 : 0; n < before; n++) left -= this.#stepsOf(streams, p, n);
    if (left < 0) return false;
    return !runs || first === 0 || this.#work.hasAtMost(rank, p, left / first);
  }

  /** Stages that the `n`th task of the stream of tiles is copied through; zero for a COMBINE. */
  #stepsOf({ words }: StreamWords, p: number, n: number): number {
    const at = p * streamStride;
    const place = (words[at + Stream.tileFirst]! + n) % tileSlots;
    const { shape, decoder } = this.#world;
    const op = decoder.operation(words[at + Stream.tileRing + 2 * place]!);
    if (op === Op.Combine) return 0;
    return ceilDiv(op === Op.Gemm0 ? shape.hidden : shape.intermediate, stageDepth);
  }
}
