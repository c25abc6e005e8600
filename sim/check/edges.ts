/** Why one event comes before another. `program`: same actor; the others are reads-from edges of the protocol. */
export const edgeKinds = [
  'program',
  'barrier',
  'cell',
  'signal',
  'queue',
  'doorbell',
  'status',
  'row block',
  'interrupt',
  'launch',
] as const;
export type EdgeKind = (typeof edgeKinds)[number];

/** Code of a kind, as {@link EdgeList} stores it. */
export const edgeCode: Readonly<Record<EdgeKind, number>> = Object.fromEntries(
  edgeKinds.map((kind, code) => [kind, code]),
) as Record<EdgeKind, number>;

/**
 * Kinds whose writer records before its store and whose reader records after its load, so that clocks can refute them.
 * Counters (barrier, cell, row block) are stamped next to their read-modify-write, on either side of it.
 */
const refutableKinds: ReadonlySet<EdgeKind> = new Set([
  'signal',
  'queue',
  'doorbell',
  'status',
  'interrupt',
]);

/** Whether clocks can refute an edge, by its code. */
export const isRefutable: readonly boolean[] = edgeKinds.map((kind) => refutableKinds.has(kind));

/** A read whose write is not in the trace. */
export interface UnmatchedRead {
  readonly row: number;
  readonly kind: EdgeKind;
  readonly message: string;
}

/** Growing columns of edges between rows (or virtual nodes past the rows). */
export class EdgeList {
  #from = new Int32Array(1024);
  #to = new Int32Array(1024);
  #kind = new Uint8Array(1024);
  #length = 0;
  readonly unmatched: UnmatchedRead[] = [];

  get length(): number {
    return this.#length;
  }

  add(from: number, to: number, kind: EdgeKind): void {
    if (this.#length === this.#from.length) this.#grow();
    this.#from[this.#length] = from;
    this.#to[this.#length] = to;
    this.#kind[this.#length] = edgeCode[kind];
    this.#length++;
  }

  /** Notes a read that no write in the trace explains. */
  miss(row: number, kind: EdgeKind, message: string): void {
    this.unmatched.push({ row, kind, message });
  }

  from(edge: number): number {
    return this.#from[edge]!;
  }

  to(edge: number): number {
    return this.#to[edge]!;
  }

  kind(edge: number): EdgeKind {
    return edgeKinds[this.code(edge)]!;
  }

  /** Code of the edge's kind ({@link edgeCode}). */
  code(edge: number): number {
    return this.#kind[edge]!;
  }

  #grow(): void {
    const size = this.#from.length * 2;
    const grown = (old: Int32Array): Int32Array<ArrayBuffer> => {
      const next = new Int32Array(size);
      next.set(old);
      return next;
    };
    this.#from = grown(this.#from);
    this.#to = grown(this.#to);
    const kind = new Uint8Array(size);
    kind.set(this.#kind);
    this.#kind = kind;
  }
}
