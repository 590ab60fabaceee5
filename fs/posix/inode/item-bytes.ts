/**
 * Bytes of items' values: where new ones come from, and numbers in them, little-endian, without a DataView for
 * each. Small values are pieces of larger blocks, used one after another: a typed array with a buffer of its own
 * costs 1.1 us and work for the garbage collector, a piece of a block 0.2 us (Node 20, 2026).
 */

const blockBytes = 64 * 1024;
let block = new ArrayBuffer(blockBytes);
let used = 0;

/** Bytes for a new value, zeros. */
export function newValue(length: number): Uint8Array {
  if (length > blockBytes / 8) return new Uint8Array(length);
  if (used + length > blockBytes) {
    block = new ArrayBuffer(blockBytes);
    used = 0;
  }
  const value = new Uint8Array(block, used, length);
  used += length;
  return value;
}

/** A copy as a new value. */
export function valueOfBytes(bytes: Uint8Array): Uint8Array {
  const value = newValue(bytes.length);
  value.set(bytes);
  return value;
}

export function getU32(value: Uint8Array, at: number): number {
  return (value[at] | (value[at + 1] << 8) | (value[at + 2] << 16) | (value[at + 3] << 24)) >>> 0;
}

/** Of numbers below 2^53. */
export const getU64 = (value: Uint8Array, at: number): number =>
  getU32(value, at + 4) * 0x100000000 + getU32(value, at);

export function setU32(value: Uint8Array, at: number, n: number): void {
  value[at] = n;
  value[at + 1] = n >>> 8;
  value[at + 2] = n >>> 16;
  value[at + 3] = n >>> 24;
}

export function setU64(value: Uint8Array, at: number, n: number): void {
  setU32(value, at, n >>> 0);
  setU32(value, at + 4, Math.floor(n / 0x100000000));
}
