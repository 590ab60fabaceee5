import { type Of, struct, u8, u16, u32, u64 } from './struct.js';

/** Where a run of pages lies, when it was written, and how to know that what is read there is right. */
export const Pointer = struct('pointer', {
  address: u64('log address of the first page: segment serial x pages per segment + page; never reused'),
  birth: u64('generation that wrote it'),
  checksum: u32('CRC32C of the bytes as stored; for an extent, of its list of page checksums'),
  pages: u16('length in pages as stored, at least 1'),
  transform: u8("transform chain (index into the superblock's table); 0 is stored as is"),
  flags: u8('1: a seal lies before the window of the unit'),
  storedBytes: u32('bytes as stored, the last page padded with zeros'),
  plainBytes: u32('bytes after the transform is undone'),
});
export type Pointer = Of<typeof Pointer>;

/** Bit in a pointer's flags: what it leads to is encrypted, and the seal lies with the pointer. */
export const sealedPointer = 1;
