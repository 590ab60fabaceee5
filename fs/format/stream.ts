/**
 * A stream that carries a snapshot from one volume to another: a header, records in the order of the keys of the sender's
 * tree, and an end that has a digest of all before it. Not part of an image.
 *
 * Each record has a checksum of its own, so the digest is over the headers with these, as it would cost more over all bytes
 * than everything else: 6 ms/MiB at each end, where a processor has no instructions for it (Node 20, 2026).
 */

import { bytes, i64, type Of, record, struct, text, u16, u32, u64 } from './struct.js';
import { maxTransforms, TransformEntry } from './superblock.js';

export const streamMagic = 0x53726156; // "VarS"
export const tokenMagic = 0x54726156; // "VarT"
/** Grows when a reader could not even tell that it does not understand; the rest are features. */
export const streamVersion = 2;
/** No record is longer: a unit of 128 KiB, or an attribute of 64 KiB, and what goes before it. */
export const mostRecordBytes = 160 * 1024;

/** Which snapshot: the same wherever a copy of it is, and never another one's. All zeros: none. */
export const RootIdentity = struct('root-identity', {
  uuid: bytes(16)('volume on which it was made'),
  epoch: u64('random number of the mount that made it'),
  id: u32('its root id there'),
});
export type RootIdentity = Of<typeof RootIdentity>;

/** Key of an item in the sender's tree; all zeros: before all. */
export const StreamPosition = struct('stream-position', {
  inode: u64('inode number'),
  offset: u64('offset'),
  kind: u16('kind'),
});
export type StreamPosition = Of<typeof StreamPosition>;

export const StreamHeader = struct('stream-header', {
  magic: u32('0x53726156'),
  version: u16('version of the stream'),
  flags: u16('reserved, must be 0'),
  checksum: u32('CRC32C of the header with this field zero'),
  features: u64('bits that a receiver must know; none yet'),
  to: record(RootIdentity)('the snapshot'),
  from: record(RootIdentity)('the snapshot that the receiver has; all zeros: a full stream'),
  after: record(StreamPosition)('items up to this key went with a stream before; all zeros: from the beginning'),
  seconds: i64('when the snapshot was made'),
  inodes: u64('inodes of the snapshot'),
  pages: u64('data pages of the snapshot'),
  nextInode: u64('above all of its inode numbers'),
  work: u64('inodes and pages that are to come, about: by it a receiver tells how far it is; 0: not known'),
  name: text(200)('name of the snapshot'),
  fromName: text(200)('name of the one that the receiver has'),
  transforms: bytes(maxTransforms * TransformEntry.size)(
    "the sender's table of transform chains, as in the superblock",
  ),
});
export type StreamHeader = Of<typeof StreamHeader>;

export const StreamRecord = struct('stream-record', {
  length: u32('bytes of the record, this header included'),
  checksum: u32('CRC32C of the record with this field zero'),
  sequence: u32('number of the record, from 0'),
  type: u16('what follows'),
  flags: u16('1: the last record of its key'),
  kind: u16('kind of the key'),
  reserved: u16('must be 0'),
  inode: u64('inode number of the key'),
  offset: u64('offset of the key'),
});
export type StreamRecord = Of<typeof StreamRecord>;

/** Bit of a record's flags. */
export const lastOfKey = 1;

export const streamType = {
  /** The inode record; its number of pages counts for nothing, and `transform` is of the stream's table. */
  inode: 1,
  /** The inode is gone, and all that belongs to it. */
  gone: 2,
  /** Contents of a small file or a symbolic link. */
  inline: 3,
  /** It has none any more. */
  noInline: 4,
  xattr: 5,
  entry: 6,
  /** Pages as they are. */
  pages: 7,
  unit: 8,
  /** Pages that became a hole. */
  hole: 9,
  /** Pages that became reserved. */
  reserved: 10,
  /** An item of the whole root (inode 0), as it is; without a value: it is gone. */
  item: 11,
  end: 12,
} as const;

/** Names, one after the other, follow; an attribute's value, or nothing, follows those. */
export const StreamNames = struct('stream-names', {
  target: u64('entry: inode number; attribute: 0'),
  type: u16('entry: file type, mode / 2^12; attribute: 1 if it has a value'),
  old: u16('bytes of the name that is gone; 0: none is'),
  name: u16('bytes of the name that is there; 0: none is'),
});
export type StreamNames = Of<typeof StreamNames>;

/** Pages of a file; of type 7 they follow. */
export const StreamRange = struct('stream-range', {
  first: u64('first page'),
  pages: u64('how many'),
});
export type StreamRange = Of<typeof StreamRange>;

/** A unit; its bytes as stored follow. */
export const StreamUnit = struct('stream-unit', {
  first: u64('page of the file that is the first of the extent'),
  chain: u16("number of its chain in the stream's table"),
  skip: u16('page of the unit, as decoded, that is the first of the extent'),
  present: u32('bit i: page i of the extent is in the unit'),
  plainPages: u32('pages of the unit as decoded'),
});
export type StreamUnit = Of<typeof StreamUnit>;

export const StreamEnd = struct('stream-end', {
  records: u64('records before this one'),
  digest: bytes(32)('SHA-256 of the header and of the `stream-record` of each record before this one'),
});
export type StreamEnd = Of<typeof StreamEnd>;

/** What a receiver has come to: with it, the sender goes on. Written in base64url. */
export const ResumeToken = struct('resume-token', {
  magic: u32('0x54726156'),
  checksum: u32('CRC32C of the token with this field zero'),
  to: record(RootIdentity)('the snapshot'),
  from: record(RootIdentity)('as in the header'),
  after: record(StreamPosition)('key up to which all has come'),
});
export type ResumeToken = Of<typeof ResumeToken>;
