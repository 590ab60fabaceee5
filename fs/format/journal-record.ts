import { openPart, Seal, type Sealer, sealedKind, sealPart, sealRoom } from './seal.js';
import { type Of, struct, u8, u16, u32, u64 } from './struct.js';

export const journalMagic = 0x6c6e6a56; // "Vjnl"

/**
 * A journal record: all batches since the record before. It starts on a page and is padded to whole pages,
 * or joins the record before it on its page.
 * After the header: the seal in an encrypted volume, `opened` entries, then the batches.
 */
export const JournalRecord = struct('journal-record', {
  magic: u32('0x6c6e6a56'),
  checksum: u32('CRC32C of the whole record (`length` bytes) with this field zero'),
  epoch: u64('epoch of the mount that wrote it'),
  sequence: u64('number of the record; grows by one'),
  previous: u32('checksum of the record before'),
  length: u32('bytes, header included, padding to a page excluded'),
  durable: u64('highest sequence known durable when this was written'),
  nextPlace: u64('place of the journal segment after this one'),
  nextSerial: u64('its serial'),
  nextInode: u64('next inode number after its batches'),
  inodes: u64('inodes in the tree after its batches'),
  base: u64('newest checkpoint with batches that no record holds: the record means nothing without it; 0: none'),
  opened: u32('number of opened-segment entries'),
  batches: u32('number of batches'),
});
export type JournalRecord = Of<typeof JournalRecord>;

/** A segment that a data head opened since the record before: recovery learns here where its serial lies. */
export const OpenedSegment = struct('opened-segment', {
  place: u64('place'),
  serial: u64('serial'),
});
export type OpenedSegment = Of<typeof OpenedSegment>;

/** Head of a batch. Its entries follow: puts and deletes, then claims and releases. */
export const BatchHeader = struct('batch-header', {
  generation: u64('generation to which it belongs; replay skips those that the checkpoint holds'),
  root: u32('id of the root (branch) that it changes'),
  entries: u32('number of entries'),
});
export type BatchHeader = Of<typeof BatchHeader>;

export const entryType = { put: 1, delete: 2, claim: 3, release: 4 } as const;

/** A put (`length` bytes of value follow) or a delete of one item. */
export const ItemEntry = struct('item-entry', {
  type: u8('1 put, 2 delete'),
  kind: u8('kind of the item'),
  length: u16('bytes of value that follow a put; 0 for a delete'),
  inode: u64('inode number'),
  offset: u64('offset'),
});
export type ItemEntry = Of<typeof ItemEntry>;

/** Pages that the batch makes live, or no longer needs. */
export const PagesEntry = struct('pages-entry', {
  type: u8('3 claim, 4 release'),
  reserved: u8('must be 0'),
  pages: u16('pages'),
  checksum: u32("claim: CRC32C of the list of the pages' CRC32Cs"),
  address: u64('address of the first'),
  birth: u64('generation that wrote them'),
});
export type PagesEntry = Of<typeof PagesEntry>;

/** Where the entries of a record begin. */
export const recordStart = (sealer: Sealer | undefined): number => JournalRecord.size + sealRoom(sealer);

const part = ({ length }: Uint8Array) => [JournalRecord.size + Seal.size, length, JournalRecord.size] as const;
/** What is bound to the entries: the header without magic and checksum. */
const bound = (record: Uint8Array): Uint8Array => record.subarray(JournalRecord.offsetOf.epoch, JournalRecord.size);

/** Encrypt the entries of a record of just these bytes; its checksum is made afterwards. */
export const sealRecord = (sealer: Sealer, record: Uint8Array): void =>
  sealPart(sealer, sealedKind.record, bound(record), record, part(record));

/** Decrypt the entries of a record that has the right checksum. False: they are not what was sealed. */
export const openRecord = (sealer: Sealer, record: Uint8Array): boolean =>
  openPart(sealer, sealedKind.record, bound(record), record, part(record));
