/**
 * The kernel's side of the protocol, as in linux/fuse.h (7.45): operations, flags, and where members lie.
 *
 * Requests and replies are read and written as arrays of u32: all members start at multiples of 4, and hosts on
 * which Varve runs are little-endian. So offsets here are in words unless their name ends in `Bytes`; a 64-bit
 * member is the word given (low) and the one after it (high).
 */

export const protocolMajor = 7;
export const protocolMinor = 45;
/** The oldest that has MAX_PAGES, SETXATTR_EXT and KILLPRIV_V2: Linux 5.11. */
export const oldestMinor = 33;

export const opcode = {
  LOOKUP: 1,
  FORGET: 2,
  GETATTR: 3,
  SETATTR: 4,
  READLINK: 5,
  SYMLINK: 6,
  MKNOD: 8,
  MKDIR: 9,
  UNLINK: 10,
  RMDIR: 11,
  RENAME: 12,
  LINK: 13,
  OPEN: 14,
  READ: 15,
  WRITE: 16,
  STATFS: 17,
  RELEASE: 18,
  FSYNC: 20,
  SETXATTR: 21,
  GETXATTR: 22,
  LISTXATTR: 23,
  REMOVEXATTR: 24,
  FLUSH: 25,
  INIT: 26,
  OPENDIR: 27,
  READDIR: 28,
  RELEASEDIR: 29,
  FSYNCDIR: 30,
  ACCESS: 34,
  CREATE: 35,
  INTERRUPT: 36,
  DESTROY: 38,
  IOCTL: 39,
  BATCH_FORGET: 42,
  FALLOCATE: 43,
  READDIRPLUS: 44,
  RENAME2: 45,
  LSEEK: 46,
  COPY_FILE_RANGE: 47,
  SYNCFS: 50,
  TMPFILE: 51,
  STATX: 52,
  COPY_FILE_RANGE_64: 53,
} as const;

const names = new Map<number, string>(Object.entries(opcode).map(([name, code]) => [code, name]));
export const opcodeName = (code: number): string => names.get(code) ?? `operation ${code}`;

/** Flags of INIT: bit numbers 0 to 63 of which 32 and up travel in the second word. */
export const initFlag = {
  ASYNC_READ: 0,
  ATOMIC_O_TRUNC: 3,
  EXPORT_SUPPORT: 4,
  BIG_WRITES: 5,
  DONT_MASK: 6,
  DO_READDIRPLUS: 13,
  READDIRPLUS_AUTO: 14,
  ASYNC_DIO: 15,
  WRITEBACK_CACHE: 16,
  PARALLEL_DIROPS: 18,
  POSIX_ACL: 20,
  MAX_PAGES: 22,
  CACHE_SYMLINKS: 23,
  NO_OPENDIR_SUPPORT: 24,
  EXPLICIT_INVAL_DATA: 25,
  HANDLE_KILLPRIV_V2: 28,
  SETXATTR_EXT: 29,
  INIT_EXT: 30,
  DIRECT_IO_ALLOW_MMAP: 36,
} as const;

/** Header of every request. */
export const inHeader = { length: 0, opcode: 1, unique: 2, nodeId: 4, uid: 6, gid: 7, pid: 8 } as const;
/** First word after the header. */
export const body = 10;
export const inHeaderBytes = 40;

/** Header of every reply. A notification has `unique` 0 and its code as `error`. */
export const outHeader = { length: 0, error: 1, unique: 2 } as const;
export const outBody = 4;
export const outHeaderBytes = 16;

/** Words of the body of each request, from `body`; where its first name begins, in bytes from the body. */
export const initIn = { major: 0, minor: 1, maxReadahead: 2, flags: 3, flags2: 4 } as const;
export const forgetIn = { count: 0 } as const;
export const batchForgetIn = { count: 0, first: 2, wordsEach: 4, nodeId: 0, lookups: 2 } as const;
export const mknodIn = { mode: 0, device: 1, umask: 2, nameBytes: 16 } as const;
export const mkdirIn = { mode: 0, umask: 1, nameBytes: 8 } as const;
export const renameIn = { newParent: 0, nameBytes: 8 } as const;
export const rename2In = { newParent: 0, flags: 2, nameBytes: 16 } as const;
export const linkIn = { oldNode: 0, nameBytes: 8 } as const;
export const createIn = { flags: 0, mode: 1, umask: 2, nameBytes: 16 } as const;
export const openIn = { flags: 0 } as const;
export const releaseIn = { handle: 0, flags: 2 } as const;
export const readIn = { handle: 0, offset: 2, size: 4 } as const;
export const writeIn = { handle: 0, offset: 2, size: 4, flags: 5, openFlags: 8, dataBytes: 40 } as const;
export const fsyncIn = { handle: 0, flags: 2 } as const;
export const setxattrIn = { size: 0, flags: 1, setxattrFlags: 2, nameBytes: 16 } as const;
export const getxattrIn = { size: 0, nameBytes: 8 } as const;
export const fallocateIn = { handle: 0, offset: 2, length: 4, mode: 6 } as const;
export const lseekIn = { handle: 0, offset: 2, whence: 4 } as const;
export const copyFileRangeIn = { from: 2, toNode: 4, to: 8, length: 10, flags: 12 } as const;
/** What comes with an ioctl begins after 32 bytes. */
export const ioctlIn = { handle: 0, flags: 2, command: 3, inSize: 6, outSize: 7, dataBytes: 32 } as const;
export const setattrIn = {
  valid: 0,
  size: 4,
  atime: 8,
  mtime: 10,
  ctime: 12,
  atimeNanos: 14,
  mtimeNanos: 15,
  ctimeNanos: 16,
  mode: 17,
  uid: 19,
  gid: 20,
} as const;

export const setattrValid = {
  mode: 1 << 0,
  uid: 1 << 1,
  gid: 1 << 2,
  size: 1 << 3,
  atime: 1 << 4,
  mtime: 1 << 5,
  atimeNow: 1 << 7,
  mtimeNow: 1 << 8,
  ctime: 1 << 10,
  killPrivileges: 1 << 11,
  /** All that ask for a change. */
  any: 0b110110111111,
} as const;

/** Of the flags of open(2). */
export const openAccess = { mask: 3, readOnly: 0 } as const;
export const writeFlag = { cached: 1 << 0, killPrivileges: 1 << 2 } as const;
/** O_APPEND of open(2). */
export const openAppend = 0o2000;
/** Of open(2). O_SYNC is both. */
export const openSync = { data: 0o10000, attributes: 0o4000000 } as const;
export const fsyncFlag = { dataOnly: 1 << 0 } as const;
export const setxattrExtraFlag = { killSgid: 1 << 0 } as const;

export const openReply = { directIo: 1 << 0, keepCache: 1 << 1 } as const;

/** Words of struct fuse_attr. */
export const attr = {
  inode: 0,
  size: 2,
  blocks: 4,
  atime: 6,
  mtime: 8,
  ctime: 10,
  atimeNanos: 12,
  mtimeNanos: 13,
  ctimeNanos: 14,
  mode: 15,
  links: 16,
  uid: 17,
  gid: 18,
  device: 19,
  blockSize: 20,
  flags: 21,
  words: 22,
} as const;

/** Words of struct fuse_entry_out, after which its fuse_attr follows. */
export const entryOut = {
  nodeId: 0,
  generation: 2,
  entryValid: 4,
  attrValid: 6,
  entryValidNanos: 8,
  attrValidNanos: 9,
  attr: 10,
  words: 10 + attr.words,
} as const;

/** Words of struct fuse_attr_out. */
export const attrOut = { valid: 0, validNanos: 2, attr: 4, words: 4 + attr.words } as const;

/** Words of struct fuse_ioctl_out, after which the result's bytes follow. */
export const ioctlOut = { result: 0, flags: 1, words: 4 } as const;

/** Words of struct fuse_statx_out. */
export const statxOut = {
  attrValid: 0,
  mask: 8,
  blockSize: 9,
  links: 12,
  uid: 13,
  gid: 14,
  mode: 15,
  inode: 16,
  size: 18,
  blocks: 20,
  atime: 24,
  btime: 28,
  ctime: 32,
  mtime: 36,
  deviceMajor: 40,
  deviceMinor: 41,
  words: 72,
} as const;
/** STATX_BASIC_STATS | STATX_BTIME. */
export const statxMask = 0xfff;

/** Words of struct fuse_kstatfs. */
export const statfsOut = {
  blocks: 0,
  free: 2,
  available: 4,
  files: 6,
  freeFiles: 8,
  blockSize: 10,
  nameLength: 11,
  fragmentSize: 12,
  words: 20,
} as const;

/** Words of struct fuse_init_out; the four u16 members share words with their neighbours. */
export const initOut = {
  major: 0,
  minor: 1,
  maxReadahead: 2,
  flags: 3,
  maxBackgroundAndCongestion: 4,
  maxWrite: 5,
  timeGranularity: 6,
  maxPagesAndAlignment: 7,
  flags2: 8,
  words: 16,
} as const;

/** Words of struct fuse_dirent before the name; in READDIRPLUS a fuse_entry_out comes first. */
export const dirent = { inode: 0, cookie: 2, nameLength: 4, type: 5, words: 6 } as const;

export const notifyCode = { invalidateInode: 2, invalidateEntry: 3 } as const;

/** Longest data of one WRITE or READ: 256 pages. */
export const maxPages = 256;
export const maxWrite = maxPages * 4096;
/** Headers and names beside the data. */
export const requestBufferBytes = maxWrite + 4096;
