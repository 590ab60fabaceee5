import { pageSize } from '../units.js';
import { Pointer } from './pointer.js';
import { openPart, Seal, type Sealer, sealedKind, sealPart } from './seal.js';
import { i64, type Of, record, struct, text, u8, u16, u32, u64 } from './struct.js';

export const checkpointMagic = 0x74706356; // "Vcpt"

/** Where a log head goes on appending. `place` 2^53 - 1: the head is closed. */
export const HeadPosition = struct('head-position', {
  place: u64('place of the open segment, or 2^53 - 1 for none'),
  serial: u64('its serial'),
  page: u32('next free page in it'),
  described: u32('pages before this one are described by summaries'),
});
export type HeadPosition = Of<typeof HeadPosition>;

/**
 * A consistent state of the volume. Two slots are written in turn; the newest that verifies counts. After the
 * header comes the map of the segment table: 2 bits for each table page (0: never written, 1: copy A, 2: copy B).
 * The header page is also appended to the log at each commit, for salvage.
 */
export const Checkpoint = struct('checkpoint', {
  magic: u32('0x74706356'),
  checksum: u32('CRC32C of the whole slot (header and map) with this field zero'),
  generation: u64('generation that this checkpoint ends'),
  epoch: u64('random number of the mount that wrote it, below 2^53'),
  brand: u64('that of the superblock'),
  clean: u8('1: the volume was closed after it and nothing is to be replayed'),
  slot: u8('0 for A, 1 for B'),
  flags: u16('reserved, must be 0'),
  mapBytes: u32('bytes of the table map after the header'),
  seconds: i64('time of the commit, seconds since 1970'),
  mainRoot: record(Pointer)('root node of the live tree'),
  systemRoot: record(Pointer)('root node of the system tree: relocations, kept roots'),
  rootId: u32('id of the line that the live root is the end of; another one after each rollback'),
  lineName: text(200)('name of that line, UTF-8; empty for the one of a new volume'),
  mainHeight: u16('levels of the live tree, at least 1'),
  systemHeight: u16('levels of the system tree, at least 1'),
  newestSnapshot: u64('generation of the newest snapshot on the live line; pages born at or before it stay'),
  newestRoot: u32('id of that snapshot; 0 for none'),
  nextRoot: u32('id of the next snapshot or line'),
  nextDropped: u64('number of the next chunk of dropped runs'),
  mainPages: u64('data pages of the live tree'),
  mainNodes: u64('nodes of the live tree'),
  heldNodes: u64('of these, at most so many that a snapshot holds too: space for copies of them is set aside'),
  systemNodes: u64('nodes of the system tree'),
  nextSerial: u64('serial of the next segment'),
  nextInode: u64('next inode number'),
  inodes: u64('inodes in the live tree'),
  livePages: u64('live pages of all segments'),
  promisedPages: u64('pages of reserved extents (address 0), for which space is kept'),
  nodeHead: record(HeadPosition)('where tree nodes go'),
  dataHead: record(HeadPosition)('where new data goes'),
  coldHead: record(HeadPosition)('where moved data goes'),
  journalPlace: u64('place where the record after this checkpoint is looked for'),
  journalSerial: u64('serial of that segment'),
  journalPage: u32('page in it'),
  journalLast: u32('CRC32C of the last record before this checkpoint'),
  journalSequence: u64('sequence number of the next record'),
  journalNextPlace: u64('place of the journal segment after this one'),
  journalNextSerial: u64('its serial'),
});
export type Checkpoint = Of<typeof Checkpoint>;

const sealAt = pageSize - Seal.size;
const part = [Checkpoint.offsetOf.mainRoot, sealAt, sealAt] as const;

/** What is bound to the rest of the header: the fields before it without magic and checksum, and the table map. */
function bound(slot: Uint8Array): Uint8Array {
  const { generation, mainRoot } = Checkpoint.offsetOf;
  return Buffer.concat([slot.subarray(generation, mainRoot), slot.subarray(pageSize)]);
}

/** Encrypt what the header of a slot, or of a copy in the log, says from `mainRoot` on; its checksum is made afterwards. */
export const sealCheckpoint = (sealer: Sealer, slot: Uint8Array): void =>
  sealPart(sealer, sealedKind.checkpoint, bound(slot), slot, part);

/** Decrypt a checkpoint that has the right checksum. False: it is not what was sealed. */
export const openCheckpoint = (sealer: Sealer, slot: Uint8Array): boolean =>
  openPart(sealer, sealedKind.checkpoint, bound(slot), slot, part);
