import { type Of, struct, u8, u16, u32, u64 } from './struct.js';

/** Where a run of pages lies, when it was written, and how to know that what is read there is right. */
export const Pointer = struct('pointer', {
  address: u64('log address of the first page: segment serial x pages per segment + page; never reused'),
  birth: u64('generation that wrote it'),
  checksum: u32('CRC32C of the bytes as stored; for an extent, of its list of page checksums'),
  pages: u16('length in pages as stored, at least 1'),
  transform: u8("transform chain (index into the superblock's table); 0 is stored as is"),
  flags: u8('reserved, must be 0'),
  storedBytes: u32('bytes as stored, the last page padded with zeros'),
  plainBytes: u32('bytes after the transform is undone'),
});
export type Pointer = Of<typeof Pointer>;

/** Follows a pointer whose transform encrypts. */
export const Seal = struct('seal', {
  session: u32('which salted session key (index of the salt in the system tree)'),
  counterLow: u32('nonce counter within the session, low half'),
  counterHigh: u32('nonce counter, high half'),
  tag0: u32('authentication tag'),
  tag1: u32('authentication tag'),
  tag2: u32('authentication tag'),
  tag3: u32('authentication tag'),
});
export type Seal = Of<typeof Seal>;
