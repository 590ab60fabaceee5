/**
 * What one read wants of an image in which it lies in many pieces: where each lies, and where its bytes go. Lists side by
 * side, without an object or a view for each, as there may be one for every page; they are kept for the next read.
 */
import type { ImageOffset } from '../units.js';

/** Most pieces of one read: it wants at most so many pages. */
export const mostPieces = 4096;

export class Pieces {
  count = 0;
  readonly offset: ImageOffset[] = [];
  readonly bytes: number[] = [];
  readonly buffer: Uint8Array[] = [];
  /** Where in the buffer. */
  readonly at: number[] = [];

  /** Bytes of all of them. */
  total = 0;

  add(offset: ImageOffset, bytes: number, buffer: Uint8Array, at: number): void {
    const index = this.count++;
    this.offset[index] = offset;
    this.bytes[index] = bytes;
    this.buffer[index] = buffer;
    this.at[index] = at;
    this.total += bytes;
  }

  /** Where the bytes of a piece go. */
  view(index: number): Uint8Array {
    return this.buffer[index].subarray(this.at[index], this.at[index] + this.bytes[index]);
  }

  clear(): void {
    this.count = 0;
    this.total = 0;
    this.buffer.length = 0;
  }
}
