/**
 * How the kernel names an inode of ours: nodeid = root id x 2^48 + inode number. The live root has id 0, so that
 * its root directory is nodeid 1, as the protocol demands. Node ids travel as two words and are never put
 * together: 2^63 is no JavaScript number.
 *
 * A root that was rolled back or deleted leaves its id behind: node ids of it answer ESTALE.
 */
import type { InodeNumber } from '../../units.js';

const two32 = 2 ** 32;

export const inodeOf = (low: number, high: number): InodeNumber => (high & 0xffff) * two32 + low;
export const rootIdOf = (high: number): number => high >>> 16;

/** Write a node id. Inode 0 stands for "there is none". */
export const writeNodeId = (words: Uint32Array, at: number, rootId: number, inode: InodeNumber): void => {
  words[at] = inode >>> 0;
  words[at + 1] = ((rootId << 16) | Math.floor(inode / two32)) >>> 0;
};

/** Write an unsigned integer below 2^53, or a negative one above -2^53 in two's complement. */
export const writeU64 = (words: Uint32Array, at: number, value: number): void => {
  words[at] = value >>> 0;
  words[at + 1] = Math.floor(value / two32) >>> 0;
};
