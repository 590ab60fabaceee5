import { keySlotBytes, keySlots } from './key-slot.js';
import { bytes, type Of, struct, text, u8, u16, u32, u64 } from './struct.js';

export const superblockMagic = 0x65765256; // "VRve"
/** Version of the on-disk format; not the package's. */
export const formatVersion = 5;
/** Chains that a volume can name; number 0 is `stored as is`. */
export const maxTransforms = 16;

/** A chain of transforms: compression, then encryption. All zero: the number is not in use. */
export const TransformEntry = struct('transform-entry', {
  compression: u16('id of the first transform; 0 for none'),
  encryption: u16('id of the second; 0 for none'),
  name: text(20)('how it was asked for: name, and level after a colon'),
});
export type TransformEntry = Of<typeof TransformEntry>;

/** First page of the image, and again in the last. Written by mkfs, label, resize and key changes only. */
export const Superblock = struct('superblock', {
  magic: u32('0x65765256'),
  version: u32('format version; a reader refuses a newer one'),
  checksum: u32('CRC32C of the page with this field zero'),
  pageShift: u8('log2 of the page size, 12'),
  segmentShift: u8('log2 of the pages in a segment, 5 to 14'),
  nodeShift: u8('log2 of the pages in a tree node, 2 or 3'),
  defaultTransform: u8('chain for new data where nothing else is asked for; 0: stored as is'),
  compatible: u64('feature bits that any reader may ignore'),
  readOnlyCompatible: u64('feature bits that a writer must know'),
  incompatible: u64('feature bits that a reader must know'),
  uuid: bytes(16)('identity of the volume'),
  label: text(64)('name given at mkfs, UTF-8'),
  createdSeconds: u64('time of mkfs, seconds since 1970'),
  imagePages: u64('pages in the image, the copy of the superblock included'),
  places: u64('places for segments'),
  checkpointStart: u64('first page of checkpoint slot A'),
  checkpointPages: u32('pages in one slot; slot B follows A'),
  reservedSegments: u32('segments that ordinary writes may not fill: batch, commit and cleaning work in them'),
  tableStart: u64(
    'first page of the segment table: index pages, then live pages, each with two fixed places side by side',
  ),
  indexPages: u32('index pages in the segment table'),
  livePages: u32('live-map pages in the segment table'),
  segmentStart: u64('first page of place 0'),
  nameSeed: u64('seed of the hash of names in directories, below 2^53'),
  brand: u64('random number that the pages of metadata carry, below 2^53: nobody knows it who cannot read the image'),
  transforms: bytes(16 * 24)('table of 16 transform chains in use, of 24 bytes; entry 0 stays empty'),
  keySlots: bytes(keySlots * keySlotBytes)(
    '8 slots of 192 bytes for the wrapped key; zeros unless the volume is encrypted',
  ),
  flags: u16('limits that a mount enforces unless told otherwise: of users 1, groups 2, projects 4'),
});
export type Superblock = Of<typeof Superblock>;
