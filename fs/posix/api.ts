/**
 * What a driver, a test or a tool can ask of a filesystem: operations by inode, credentials as an argument.
 *
 * Methods run synchronously on what is in memory and may throw Suspend before they change anything (see
 * fs/suspend.ts); `run()` or the driver's dispatcher restarts them. Those that return a promise have done their
 * restartable part when they return it. Other failures are FsError.
 */
import type { InodeNumber } from '../units.js';

/** Who asks. */
export interface Credentials {
  readonly uid: number;
  readonly gid: number;
  readonly pid: number;
}

/** A moment: seconds since 1970 and nanoseconds (0 to 999,999,999). */
export interface Time {
  readonly seconds: number;
  readonly nanos: number;
}

/** stat, in one object. */
export interface Attributes {
  readonly inode: InodeNumber;
  readonly generation: number;
  readonly mode: number;
  readonly links: number;
  readonly uid: number;
  readonly gid: number;
  readonly device: number;
  readonly size: number;
  /** Stored, in units of 512 bytes, as st_blocks. */
  readonly blocks: number;
  readonly atime: Time;
  readonly mtime: Time;
  readonly ctime: Time;
  readonly btime: Time;
  /** inodeFlag bits. */
  readonly flags: number;
  readonly project: number;
  /** An entry that leads to another root: that one's number. Absent: it is of the root that was asked. */
  readonly root?: number;
}

/** What SETATTR changes; what is absent or undefined stays. `now`: the server's clock. */
export interface AttributeChanges {
  readonly mode?: number | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  readonly size?: number | undefined;
  readonly atime?: Time | 'now' | undefined;
  readonly mtime?: Time | 'now' | undefined;
  readonly ctime?: Time | undefined;
  /** Clear setuid, setgid (when group-executable) and security.capability. */
  readonly killPrivileges?: boolean;
  /** Times of contents that the kernel had accepted earlier and now hands over: flags of the inode don't refuse them. */
  readonly cached?: boolean;
}

/** statfs. Pages of 4 KiB. */
export interface VolumeStatistics {
  readonly pages: number;
  readonly freePages: number;
  readonly availablePages: number;
  readonly inodes: number;
  readonly freeInodes: number;
}

export const renameFlag = { noReplace: 1, exchange: 2, whiteout: 4 } as const;
export const xattrFlag = { create: 1, replace: 2 } as const;
export const fallocateFlag = { keepSize: 1, punchHole: 2, collapseRange: 8, zeroRange: 16, insertRange: 32 } as const;
export const seek = { data: 3, hole: 4 } as const;

/** Inode numbers from here on stand for entries that lead to another root: only a lookup tells their attributes. */
export const firstElsewhere: InodeNumber = 2 ** 48 - 2 ** 33;

/** Called for each entry; false stops before it: it comes again from the cookie of the one before. */
export type EmitEntry = (name: Uint8Array, inode: InodeNumber, type: number, cookie: number) => boolean;

/** What an operation changed: a file, or names in directories. */
export type Change = 'file' | 'names';

/** The filesystem by inode, as drivers, tests and tools call it. What reads may throw Suspend. */
export interface FileSystemApi {
  /** Names come and go by other ways than through this interface: nobody may remember that there is none. */
  readonly volatile?: boolean;
  /** Attributes of the entry. ENOENT, ENOTDIR, ENAMETOOLONG. */
  lookup(parent: InodeNumber, name: Uint8Array): Attributes;
  /** ESTALE: there is no such inode. */
  getattr(inode: InodeNumber): Attributes;
  /** Change what is named; answers the attributes after it. EPERM, EROFS, EFBIG. */
  setattr(inode: InodeNumber, changes: AttributeChanges, who: Credentials): Attributes;
  /** Where a symbolic link leads. EINVAL: it is none. */
  readlink(inode: InodeNumber): Uint8Array;
  /** Any file but a directory; `mode` has the type, and the umask applied by the caller or in `umask`. */
  mknod(
    parent: InodeNumber,
    name: Uint8Array,
    mode: number,
    device: number,
    umask: number,
    who: Credentials,
  ): Attributes;
  /** Make a directory. EEXIST, ENOSPC, EDQUOT, EMLINK. */
  mkdir(parent: InodeNumber, name: Uint8Array, mode: number, umask: number, who: Credentials): Attributes;
  /** Make a symbolic link. EEXIST, ENAMETOOLONG. */
  symlink(parent: InodeNumber, name: Uint8Array, target: Uint8Array, who: Credentials): Attributes;
  /** Give a file one more name. EEXIST, EMLINK, EPERM: it is a directory. */
  link(inode: InodeNumber, parent: InodeNumber, name: Uint8Array, who: Credentials): Attributes;
  /** Remove a name that is no directory's. ENOENT, EISDIR. */
  unlink(parent: InodeNumber, name: Uint8Array, who: Credentials): void;
  /** Remove an empty directory. ENOENT, ENOTDIR, ENOTEMPTY. */
  rmdir(parent: InodeNumber, name: Uint8Array, who: Credentials): void;
  /** `flags`: of renameFlag. ENOENT, EEXIST, ENOTEMPTY, EINVAL: a directory into itself. */
  rename(
    parent: InodeNumber,
    name: Uint8Array,
    newParent: InodeNumber,
    newName: Uint8Array,
    flags: number,
    who: Credentials,
  ): void;
  /** A file without a name (O_TMPFILE); linked later or reclaimed when let go. */
  tmpfile(parent: InodeNumber, mode: number, umask: number, who: Credentials): Attributes;

  /** The caller refers to the inode (a lookup the kernel remembers, an open handle): it outlives its last name. */
  hold(inode: InodeNumber): void;
  /** Give back `count` holds. A file without names and holds is reclaimed. Never throws Suspend. */
  letGo(inode: InodeNumber, count: number): void;

  /** Bytes read into `into` from `offset`; fewer only at the end of the file. */
  read(inode: InodeNumber, offset: number, into: Uint8Array): number | Promise<number>;
  /**
   * Accept the bytes; they may stay in memory until flushed. Returns how many: all, unless they are more than half of
   * the memory for pages. ENOSPC, EFBIG, EROFS.
   */
  write(inode: InodeNumber, offset: number, data: Uint8Array, who: Credentials, killPrivileges?: boolean): number;
  /** setuid, setgid and capabilities go unless `who` is root, or nobody. */
  fallocate(inode: InodeNumber, mode: number, offset: number, length: number, who?: Credentials): void | Promise<void>;
  /** SEEK_DATA or SEEK_HOLE. ENXIO past the end. */
  seek(inode: InodeNumber, offset: number, whence: number): number;
  /** Copy bytes between files; resolves with how many. */
  copyRange(
    from: InodeNumber,
    fromOffset: number,
    to: InodeNumber,
    toOffset: number,
    length: number,
    who: Credentials,
  ): Promise<number>;
  /**
   * Whoever answers callers asks this after each operation that changed something, and answers when it resolves: then
   * the operation is as safe as the mount promises of acknowledged ones (journalling mode `data`, `sync`, `dirsync`).
   * Undefined: it is already. EIO.
   */
  settled(change: Change): Promise<void> | undefined;
  /** Make the file's data and all metadata operations so far durable. */
  fsync(inode: InodeNumber, dataOnly: boolean): Promise<void>;
  /** Make everything durable (fsync of a directory, `varve sync`). */
  sync(): Promise<void>;

  /** Entries after `cookie` (0: from the start, with `.` and `..`) until `emit` declines. Cookies are stable. */
  readdir(inode: InodeNumber, cookie: number, emit: EmitEntry): void;

  /** ENODATA. */
  getxattr(inode: InodeNumber, name: Uint8Array): Uint8Array;
  /** `flags`: of xattrFlag. EEXIST, ENODATA, E2BIG, ENOSPC. */
  setxattr(
    inode: InodeNumber,
    name: Uint8Array,
    value: Uint8Array,
    flags: number,
    who: Credentials,
    killSgid?: boolean,
  ): void;
  /** Names, each ended by a NUL; those in `trusted.` are kept from all but root. */
  listxattr(inode: InodeNumber, who?: Credentials): Uint8Array;
  /** ENODATA. */
  removexattr(inode: InodeNumber, name: Uint8Array, who: Credentials): void;

  /** Before a file is opened for writing; `appends`: only at its end. EPERM when the inode's flags forbid it. */
  checkOpen(inode: InodeNumber, appends: boolean): void;
  /**
   * Set the inode's settable flags (fs/posix/inode/inode-flags.ts) to those given, and its project. The caller has
   * checked that `who` may. EINVAL, ENOTTY.
   */
  setFlags(inode: InodeNumber, flags: number, project: number | undefined, who: Credentials): void;

  /** `inode`: of the directory that was asked for. In one with a project, what that may use, if it has limits. */
  statfs(inode?: InodeNumber): VolumeStatistics;
  /** Whether writes to the inode may soon meet a quota; absent: never. May throw Suspend. */
  nearQuota?(inode: InodeNumber): boolean;
}
