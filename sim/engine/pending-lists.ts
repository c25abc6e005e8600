import { RecordPool } from './record-pool.ts';

/** What takes the events that are due. */
interface DueEvents {
  push(time: number, handler: number, a: number, b: number): void;
}

/** Words of an event: its time, a real over two words; handler, a, b; one is spare. */
const stride = 6;

/** Words of a chunk: 42 events, then the word at which the next chunk of the list begins. */
const chunkWords = 256;
const chunkMask = chunkWords - 1;
const linkWord = 42 * stride;

const none = -1;

/**
 * Events that wait for their lanes, a list for each lane in the order they were added. Lists lie in chunks of one array, so
 * adding an event writes to the end of a list and reads nothing of the others, and taking what is due reads a list
 * from end to end: memory far over what caches hold is passed in sequence. 24 bytes an event, 1 KB a chunk and 2 bits, 16
 * bytes a lane.
 */
export class PendingLists {
  /** Events in all lists. */
  size = 0;

  #reals: Float64Array = new Float64Array(0);
  /** The same memory. */
  #words: Int32Array = new Int32Array(0);
  readonly #pool: RecordPool = new RecordPool(chunkWords);
  /** Of each list: the word of its first event, the word after its last, and the earliest time in it. */
  readonly #head: Int32Array;
  readonly #tail: Int32Array;
  readonly #earliest: Float64Array;

  constructor(lists: number) {
    this.#head = new Int32Array(lists).fill(none);
    this.#tail = new Int32Array(lists);
    this.#earliest = new Float64Array(lists).fill(Number.POSITIVE_INFINITY);
  }

  /** Time of the earliest event in a list; Infinity when it is empty. */
  earliestOf(list: number): number {
    return this.#earliest[list]!;
  }

  /** Adds an event at the end of a list. */
  add(list: number, time: number, handler: number, a: number, b: number): void {
    let at = this.#tail[list]!;
    if (this.#head[list] === none) {
      at = this.#chunk();
      this.#head[list] = at;
    } else if ((at & chunkMask) === linkWord) {
      const next = this.#chunk();
      this.#words[at] = next;
      at = next;
    }
    const words = this.#words;
    this.#reals[at >> 1] = time;
    words[at + 2] = handler;
    words[at + 3] = a;
    words[at + 4] = b;
    this.#tail[list] = at + stride;
    if (time < this.#earliest[list]!) this.#earliest[list] = time;
    this.size++;
  }

  /** Moves the events of a list that lie before `stop` to a queue; they and those that stay keep their order. */
  moveDue(list: number, stop: number, queue: DueEvents): void {
    const first = this.#head[list]!;
    if (first === none) return;
    const reals = this.#reals;
    const words = this.#words;
    const end = this.#tail[list]!;
    let earliest = Number.POSITIVE_INFINITY;
    let moved = 0;
    let to = first;
    for (let at = first; at !== end; at += stride) {
      if ((at & chunkMask) === linkWord) at = words[at]!;
      const time = reals[at >> 1]!;
      if (time < stop) {
        queue.push(time, words[at + 2]!, words[at + 3]!, words[at + 4]!);
        moved++;
        continue;
      }
      if ((to & chunkMask) === linkWord) to = words[to]!;
      if (moved > 0) {
        reals[to >> 1] = time;
        words[to + 2] = words[at + 2]!;
        words[to + 3] = words[at + 3]!;
        words[to + 4] = words[at + 4]!;
      }
      to += stride;
      if (time < earliest) earliest = time;
    }
    this.#earliest[list] = earliest;
    this.size -= moved;
    this.#truncate(list, first, to, end);
  }

  /** Ends a list that begins at `first` before the word `to`, and gives back its chunks up to `end` that this empties. */
  #truncate(list: number, first: number, to: number, end: number): void {
    const words = this.#words;
    const last = (end - 1) & ~chunkMask;
    this.#tail[list] = to;
    let chunk: number;
    if (to === first) {
      this.#head[list] = none;
      chunk = first;
    } else {
      const kept = (to - 1) & ~chunkMask;
      if (kept === last) return;
      chunk = words[kept + linkWord]!;
    }
    for (; chunk !== last; chunk = words[chunk + linkWord]!) this.#pool.free(chunk / chunkWords);
    this.#pool.free(last / chunkWords);
  }

  #chunk(): number {
    const words = this.#pool.words;
    const chunk = this.#pool.take() * chunkWords;
    if (words !== this.#pool.words) {
      this.#words = this.#pool.words;
      this.#reals = new Float64Array(this.#words.buffer);
    }
    return chunk;
  }
}
