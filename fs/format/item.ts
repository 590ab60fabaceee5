/**
 * Kinds of items. An item is (inode, kind, offset) -> value; all metadata of Varve is items of one ordered map.
 * Keys sort by inode, then kind, then offset, so that what belongs to one file lies together.
 */
import { Pointer } from './pointer.js';
import { RootIdentity, StreamPosition } from './stream.js';
import { i64, type Of, record, struct, text, u8, u16, u32, u64 } from './struct.js';

export const itemKind = {
  /** offset 0: the inode record. */
  inode: 1,
  /** offset 0: contents of a small file, or the target of a symbolic link. */
  inline: 2,
  /** offset = hash of the name x 2^8 + number: an extended attribute. */
  xattr: 3,
  /** offset = id of a large attribute value x 2^8 + number: a piece of it. */
  xattrPiece: 4,
  /** offset = hash of the name x 2^8 + number: a directory entry. */
  dirent: 5,
  /** offset = first page: an extent. */
  extent: 6,
  /** Inode 0, offset = inode number: a file without a name, or with pages to be reclaimed. */
  orphan: 16,
  /** Inode 0, offset = uid, gid or project id: what it uses. Sums over the inode records of the tree. */
  userUsage: 17,
  groupUsage: 18,
  projectUsage: 19,
  /** Inode 0, offset = uid, gid or project id, or 2^32 for those that have none: what it may use. */
  userLimits: 20,
  groupLimits: 21,
  projectLimits: 22,
  /** System tree, inode 0, offset = address: where the cleaner moved a run of pages. */
  relocation: 32,
  /** System tree, inode 0, offset = root id: a kept root (snapshot, end of a line). */
  root: 33,
  /** System tree, inode = line id, offset = number: a chunk of runs that the line has dropped and a snapshot holds. */
  dropped: 35,
} as const;

/** Longest value of an item, in bytes: a path, as a symbolic link may have. A node of 4 pages holds three of these. */
export const maxItemBytes = 4095;

export const inodeFlag = {
  /** The inode has POSIX ACLs among its attributes. */
  acl: 1,
  /** The inode has extended attributes. */
  xattrs: 2,
  immutable: 4,
  appendOnly: 8,
  noAtime: 16,
  compress: 32,
  noCompress: 64,
  /** dump(8) leaves it out. */
  noDump: 128,
  /** Extents of the file are, or were, transformed units. */
  units: 256,
  /** What is made in the directory belongs to its project. */
  projectInherit: 512,
} as const;

export const InodeRecord = struct('inode', {
  mode: u32('file type and permissions, as stat'),
  links: u32('names'),
  uid: u32('owner'),
  gid: u32('group'),
  size: u64('bytes'),
  pages: u64('pages stored (st_blocks / 8)'),
  atimeSeconds: i64('last access'),
  mtimeSeconds: i64('last change of the contents'),
  ctimeSeconds: i64('last change of the inode'),
  btimeSeconds: i64('birth'),
  atimeNanos: u32('0 to 999,999,999'),
  mtimeNanos: u32('0 to 999,999,999'),
  ctimeNanos: u32('0 to 999,999,999'),
  btimeNanos: u32('0 to 999,999,999'),
  device: u32('major and minor of a device node, as the kernel encodes them'),
  flags: u32(
    'acl 1, xattrs 2, immutable 4, append-only 8, noatime 16, compress 32, nocompress 64, nodump 128, units 256, project-inherit 512',
  ),
  parent: u64('directory: inode number of its parent; otherwise 0'),
  project: u32('project id for quotas'),
  generation: u32('for file handles'),
  transform: u16("transform chain asked for by property; 0 is the volume's"),
  reserved: u16('must be 0'),
  subdirectories: u32('directory: number of subdirectories'),
});
export type InodeRecord = Of<typeof InodeRecord>;

/** A directory entry; the name follows (1 to 255 bytes). */
export const Dirent = struct('dirent', {
  inode: u64('inode number'),
  type: u8('file type: mode / 2^12'),
});
export type Dirent = Of<typeof Dirent>;

/**
 * An extent of up to 32 pages: this pointer, then a CRC32C (u32) for each page as stored, then (when it is a transformed
 * unit) a window. Address 0 is a reserved extent (fallocate): up to 65,535 pages that read as zeros, have no checksums,
 * and for which space is kept.
 */
export const ExtentHeader = struct('extent', {
  pointer: record(Pointer)('where the pages lie'),
});
export type ExtentHeader = Of<typeof ExtentHeader>;

/** Which pages of a transformed unit the file still has: those that were cut off or punched out stay stored with it. */
export const UnitWindow = struct('unit-window', {
  skip: u8('page of the unit, as decoded, that is the first of the extent'),
  pages: u8('pages that the extent covers, 1 to 32'),
  reserved: u16('must be 0'),
  present: u32('bit i: page i of the extent is in the unit; the others read as zeros. The first and the last are'),
});
export type UnitWindow = Of<typeof UnitWindow>;

/** An extended attribute; its name follows, then its value unless that is stored in pieces. */
export const Xattr = struct('xattr', {
  nameBytes: u8('bytes of the name, with its namespace'),
  reserved: u8('must be 0'),
  valueBytes: u32('bytes of the value'),
  pieces: u32("id of the value's pieces; 0: the value follows the name"),
});
export type Xattr = Of<typeof Xattr>;

/** An inode that has lost its last name, or is to be cut to `size`; recovery and the last close finish the work. */
export const Orphan = struct('orphan', {
  size: u64('bytes to keep: 0 for a file without a name'),
});
export type Orphan = Of<typeof Orphan>;

/** What a user, group or project uses: the sums over its inode records. There is none where both are 0. */
export const Usage = struct('usage', {
  pages: u64('pages stored'),
  inodes: u64('inodes'),
});
export type Usage = Of<typeof Usage>;

/** What a user, group or project may use. */
export const Limits = struct('limits', {
  softPages: u64('soft limit, 0 for none'),
  hardPages: u64('hard limit, 0 for none'),
  softInodes: u64('soft limit, 0 for none'),
  hardInodes: u64('hard limit, 0 for none'),
  pagesUntil: i64('end of the grace time for pages beyond the soft limit, seconds since 1970; 0: it is not passed'),
  inodesUntil: i64('the same for inodes'),
  pageGrace: u32('grace time in seconds; 0: as the one for all has it, and 7 days in that one'),
  inodeGrace: u32('the same for inodes'),
});
export type Limits = Of<typeof Limits>;

/** A run of pages that the cleaner moved: pointers know it by the key's address, it lies at `target`. */
export const Relocation = struct('relocation', {
  target: u64('address where it lies today; never itself an entry'),
  pages: u32('length'),
});
export type Relocation = Of<typeof Relocation>;

/** Pages that a line has dropped since its newest snapshot, which still holds them: up to 100 runs in a chunk. */
export const DroppedRun = struct('dropped-run', {
  address: u64('address of the first page'),
  birth: u64('generation that wrote them'),
  pages: u32('length'),
});
export type DroppedRun = Of<typeof DroppedRun>;

/** What a kept root is. */
export const rootKind = { snapshot: 1, line: 2, history: 3 } as const;

/** Whether a kept root is in use. */
export const rootState = {
  inUse: 0,
  /** Deleted, and hidden until its turn has come: not while two roots or more follow it. */
  deleted: 1,
  /** Out of its line: what only it held is given back, as far as the cursor says. */
  leaving: 2,
  /** A line that a stream is being received into: it goes when the volume is next opened. */
  receiving: 3,
  /** The same, and it stays until the rest has come, or it is given up. */
  partial: 4,
} as const;

/** A kept root: a snapshot, the end of a line that is not the live one, or what a commit left (history). */
export const RootRecord = struct('root', {
  pointer: record(Pointer)('root node'),
  height: u16('levels'),
  kind: u8('1 snapshot, 2 end of a line, 3 history'),
  state: u8('0 in use, 1 deleted and hidden, 2 being given back, 3 being received, 4 received in part'),
  line: u32('id of the line on which it was taken; of the end of a line: its own'),
  parent: u32('id of the snapshot before it; 0 for none'),
  generation: u64('generation that it keeps'),
  seconds: i64('when it was made'),
  inodes: u64('inodes'),
  pages: u64('data pages'),
  nodes: u64('nodes'),
  promised: u64('pages of reserved extents'),
  held: u64('of its nodes, at most so many the root before it has as well'),
  mark: u64('chunks of dropped runs of its line below this number were dropped before it'),
  stage: u8('being given back: 1 runs that the next root dropped, 2 runs to be handed to its line, 3 the tree'),
  floor: u64('being given back: pages born at or before this generation stay'),
  heir: u32('being given back: line of the root after it'),
  low: u64('being given back: first chunk on its own line that it leaves behind'),
  end: u64('being given back, stage 1: the chunk after the last'),
  cursorInode: u64('being given back, stage 3: key up to which that is done'),
  cursorKind: u8('kind of that key'),
  cursorOffset: u64('offset of that key; in stages 1 and 2: the chunk to go on with'),
  window: u64('of the history, or was: seconds for which it is kept after the next one was made; otherwise 0'),
  received: record(StreamPosition)('being received: key up to which all has come'),
  identity: record(RootIdentity)(
    'where and when it was made; of what was received: that of the snapshot that was sent',
  ),
  name: text(200)('name, UTF-8'),
});
export type RootRecord = Of<typeof RootRecord>;
