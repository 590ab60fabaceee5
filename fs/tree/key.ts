/**
 * Keys of the map as four unsigned 32-bit words, the form in which nodes hold and compare them. Splitting a key
 * writes into `words`, a scratch shared by all: one thread serves, and nothing suspends between split and use.
 */
import type { InodeNumber } from '../units.js';

/** The words of the key split last. */
export const words = new Uint32Array(4);

export function splitKey(inode: InodeNumber, kind: number, offset: number): void {
  words[0] = Math.floor(inode / 0x10000);
  words[1] = (inode % 0x10000) * 0x10000 + kind;
  words[2] = Math.floor(offset / 0x100000000);
  words[3] = offset >>> 0;
}

const kept = new Uint32Array(4);

/** Remember the key in `words` while other keys pass through; not nested. */
export function keepKey(): void {
  kept.set(words);
}

export function restoreKey(): void {
  words.set(kept);
}

export const keyInode = (w0: number, w1: number): InodeNumber => w0 * 0x10000 + (w1 >>> 16);
export const keyKind = (w1: number): number => w1 & 0xffff;
export const keyOffset = (w2: number, w3: number): number => w2 * 0x100000000 + w3;

/** Whether inode, kind and offset fit a key. */
export const isKey = (inode: number, kind: number, offset: number): boolean =>
  Number.isSafeInteger(inode) &&
  inode >= 0 &&
  inode < 2 ** 48 &&
  kind > 0 &&
  kind < 256 &&
  Number.isSafeInteger(offset) &&
  offset >= 0;
