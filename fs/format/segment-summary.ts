import { pageSize } from '../units.js';
import { openPart, Seal, type Sealer, sealedKind, sealPart, sealRoom } from './seal.js';
import { type Of, struct, u8, u16, u32, u64 } from './struct.js';

export const summaryMagic = 0x6d757356; // "Vsum"

/** What a run of pages is. */
export const runKind = {
  /** Pages of a file. */
  data: 1,
  /** A node of a file tree. */
  node: 2,
  /** A node of the system tree. */
  systemNode: 3,
  /** A copy of a checkpoint's header page. */
  checkpoint: 4,
} as const;

/**
 * A page that describes the pages before it in its segment, back to the summary before. It follows what it
 * describes: at the latest at the next commit, so that what a checkpoint reaches is always described.
 */
export const Summary = struct('segment-summary', {
  magic: u32('0x6d757356'),
  checksum: u32('CRC32C of the page with this field zero'),
  serial: u64('serial of the segment'),
  generation: u64('generation in which it was written'),
  brand: u64('that of the superblock'),
  page: u32('page of the segment where this summary lies'),
  first: u32('first page that it describes'),
  runs: u16('number of runs that follow'),
  reserved: u16('must be 0'),
});
export type Summary = Of<typeof Summary>;

/** A run of pages of one kind. Runs follow each other without gaps from `first` on. */
export const SummaryRun = struct('summary-run', {
  address: u64('address under which pointers know its first page; another one than its own where the cleaner moved it'),
  inode: u64('inode number; for a node, of its first key'),
  offset: u64('page number in the file; for a node, offset of its first key'),
  pages: u16('length in pages'),
  kind: u8('1 data, 2 node, 3 system node, 4 checkpoint copy'),
  itemKind: u8('for a node: kind of its first key'),
  level: u16('for a node: level, 0 for leaves'),
  reserved: u16('must be 0'),
});
export type SummaryRun = Of<typeof SummaryRun>;

/** Runs that a summary has room for. */
export const runsPerSummary = (sealer: Sealer | undefined): number =>
  Math.floor((pageSize - Summary.size - sealRoom(sealer)) / SummaryRun.size);

const part = [Summary.size, pageSize - Seal.size, pageSize - Seal.size] as const;
/** What is bound to the runs: the header without magic and checksum. */
const bound = (page: Uint8Array): Uint8Array => page.subarray(Summary.offsetOf.serial, Summary.size);

/** Encrypt the runs of a summary; its checksum is made afterwards. */
export const sealSummary = (sealer: Sealer, page: Uint8Array): void =>
  sealPart(sealer, sealedKind.summary, bound(page), page, part);

/** Decrypt the runs of a summary that has the right checksum. False: they are not what was sealed. */
export const openSummary = (sealer: Sealer, page: Uint8Array): boolean =>
  openPart(sealer, sealedKind.summary, bound(page), page, part);
