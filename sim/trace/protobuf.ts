const encoder = new TextEncoder();

/** Bytes of the length of an embedded message: a padded varint, as Perfetto's own writers use. */
const lengthBytes = 4;

/**
 * Writes protobuf messages: the wire types that a Perfetto trace needs, short enough not to be worth a dependency.
 * Embedded messages are written in place and their length filled in afterwards, so nothing is allocated for an event.
 * Numbers are unsigned integers below 2^53.
 */
export class ProtobufWriter {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(65_536);
  #length = 0;
  readonly #texts = new Map<string, Uint8Array>();

  /** Everything written so far. */
  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  /** A varint field (uint32, uint64, enum, bool). */
  integer(field: number, value: number): void {
    this.#varint(field * 8);
    this.#varint(value);
  }

  /** A fixed64 field. */
  fixed64(field: number, value: number): void {
    this.#varint(field * 8 + 1);
    this.#reserve(8);
    let rest = value;
    for (let i = 0; i < 8; i++) {
      this.#bytes[this.#length++] = rest % 256;
      rest = Math.floor(rest / 256);
    }
  }

  /** A string field. Encoded texts are kept: a trace says the same few words over and over. */
  text(field: number, value: string): void {
    let encoded = this.#texts.get(value);
    if (encoded === undefined) {
      encoded = encoder.encode(value);
      this.#texts.set(value, encoded);
    }
    this.#varint(field * 8 + 2);
    this.#varint(encoded.length);
    this.#reserve(encoded.length);
    this.#bytes.set(encoded, this.#length);
    this.#length += encoded.length;
  }

  /** Begins an embedded message; hand what it returns to {@link close}. */
  open(field: number): number {
    this.#varint(field * 8 + 2);
    this.#reserve(lengthBytes);
    this.#length += lengthBytes;
    return this.#length;
  }

  /** Ends the embedded message that began at `start`. */
  close(start: number): void {
    let rest = this.#length - start;
    if (rest >= 2 ** (7 * lengthBytes)) throw new RangeError(`protobuf message of ${rest} bytes`);
    for (let i = lengthBytes; i > 0; i--) {
      this.#bytes[start - i] = (rest % 128) + (i > 1 ? 128 : 0);
      rest = Math.floor(rest / 128);
    }
  }

  /** Seven bits a byte, lowest first. Division, not shifts: shifts would cut values at 32 bits. */
  #varint(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new RangeError(`protobuf integer: expected an integer in [0, 2^53), got ${value}`);
    }
    this.#reserve(8);
    let rest = value;
    while (rest >= 128) {
      this.#bytes[this.#length++] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#length++] = rest;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}
