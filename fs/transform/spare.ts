/**
 * Memory for units, of one size, which is used again: pieces of few slabs, as what is known of each ArrayBuffer costs more than
 * a piece, and memory that is thrown away makes V8 look for garbage, 5 to 20 ms for each 50 MB (Node 20, 2026).
 */

/** Bytes of memory that is made at once, and how much of it each user has, at most. */
const slabBytes = 1 << 20;
const mostSlabs = 8;

export class Spare {
  private readonly free: Uint8Array[] = [];
  private slabs = 0;

  /** `bytes`: of a piece. */
  constructor(private readonly bytes: number) {}

  /** A piece; where all are out, memory of `bytes` that is not kept. */
  take(bytes = this.bytes): Uint8Array {
    const piece = this.free.pop();
    if (piece !== undefined) return piece;
    // The disk is slow, and who fills memory waits for it.
    if (this.slabs === mostSlabs) return new Uint8Array(bytes);
    this.slabs++;
    const slab = new Uint8Array(slabBytes);
    for (let at = slabBytes - this.bytes; at > 0; at -= this.bytes) this.give(slab.subarray(at, at + this.bytes));
    return slab.subarray(0, this.bytes);
  }

  give(piece: Uint8Array): void {
    if (piece.buffer.byteLength === slabBytes) this.free.push(piece);
  }
}
