/**
 * System calls as the tables name them. Each answers with a number, or with the name of its error: a table compares,
 * it does not catch.
 */
import { closeSync, lstatSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { lastErrno, libc } from '../../fs/host/libc.js';

export type Answer = number | string;

const errorNames = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));
// Two names of one number.
errorNames.set(constants.errno.EAGAIN, 'EAGAIN');
errorNames.set(constants.errno.EOPNOTSUPP, 'EOPNOTSUPP');
errorNames.set(117, 'EUCLEAN');

const call = <A extends unknown[]>(signature: string): ((...args: A) => Answer) => {
  const made = libc.func(signature);
  return (...args) => {
    const result = Number(made(...args));
    if (result !== -1) return result;
    const number = lastErrno();
    return errorNames.get(number) ?? `errno ${number}`;
  };
};

/** Of the path at the place where the process is. */
export const here = -100;
export const at = {
  symlinkNofollow: 0x100,
  removeDirectory: 0x200,
  effectiveIds: 0x200,
  symlinkFollow: 0x400,
  emptyPath: 0x1000,
};
export const o = {
  readOnly: 0,
  writeOnly: 1,
  readWrite: 2,
  create: 0o100,
  exclusive: 0o200,
  truncate: 0o1000,
  append: 0o2000,
  nonblock: 0o4000,
  direct: 0o40000,
  directory: 0o200000,
  noFollow: 0o400000,
  noAtime: 0o1000000,
  path: 0o10000000,
  tmpfile: 0o20200000,
};
if (process.arch === 'arm64')
  Object.assign(o, { directory: 0o40000, noFollow: 0o100000, direct: 0o200000, tmpfile: 0o20040000 });

export const open = call<[string, number, number]>('int open(const char *path, int flags, uint mode)');
export const mkdir = call<[string, number]>('int mkdir(const char *path, uint mode)');
export const mknod = call<[string, number, number]>('int mknod(const char *path, uint mode, ulong device)');
export const rmdir = call<[string]>('int rmdir(const char *path)');
export const unlink = call<[string]>('int unlink(const char *path)');
export const link = call<[string, string]>('int link(const char *from, const char *to)');
export const linkat = call<[number, string, number, string, number]>(
  'int linkat(int fromDir, const char *from, int toDir, const char *to, int flags)',
);
export const symlink = call<[string, string]>('int symlink(const char *target, const char *path)');
export const rename = call<[string, string]>('int rename(const char *from, const char *to)');
export const renameat2 = call<[number, string, number, string, number]>(
  'int renameat2(int fromDir, const char *from, int toDir, const char *to, uint flags)',
);
export const chmod = call<[string, number]>('int chmod(const char *path, uint mode)');
export const fchmod = call<[number, number]>('int fchmod(int fd, uint mode)');
export const chown = call<[string, number, number]>('int chown(const char *path, int uid, int gid)');
export const lchown = call<[string, number, number]>('int lchown(const char *path, int uid, int gid)');
export const fchown = call<[number, number, number]>('int fchown(int fd, int uid, int gid)');
export const truncate = call<[string, number]>('int truncate(const char *path, long length)');
export const ftruncate = call<[number, number]>('int ftruncate(int fd, long length)');
export const utimensat = call<[number, string, BigInt64Array | null, number]>(
  'int utimensat(int dir, const char *path, const void *times, int flags)',
);
export const faccessat = call<[number, string, number, number]>(
  'int faccessat(int dir, const char *path, int mode, int flags)',
);
export const lseek = call<[number, number, number]>('long lseek(int fd, long offset, int whence)');
export const pwrite = call<[number, Uint8Array, number, number]>(
  'long pwrite(int fd, const void *data, ulong length, long offset)',
);
export const write = call<[number, Uint8Array, number]>('long write(int fd, const void *data, ulong length)');
export const pread = call<[number, Uint8Array, number, number]>(
  'long pread(int fd, void *data, ulong length, long offset)',
);
export const fallocate = call<[number, number, number, number]>(
  'int fallocate(int fd, int mode, long offset, long length)',
);
export const copyFileRange = call<[number, BigInt64Array, number, BigInt64Array, number, number]>(
  'long copy_file_range(int from, void *fromOffset, int to, void *toOffset, ulong length, uint flags)',
);
export const sendfile = call<[number, number, BigInt64Array, number]>(
  'long sendfile(int to, int from, void *offset, ulong length)',
);
export const fsync = call<[number]>('int fsync(int fd)');
export const setxattr = call<[string, string, Uint8Array, number, number]>(
  'int setxattr(const char *path, const char *name, const void *value, ulong size, int flags)',
);
export const lsetxattr = call<[string, string, Uint8Array, number, number]>(
  'int lsetxattr(const char *path, const char *name, const void *value, ulong size, int flags)',
);
export const getxattr = call<[string, string, Uint8Array, number]>(
  'long getxattr(const char *path, const char *name, void *value, ulong size)',
);
export const listxattr = call<[string, Uint8Array, number]>('long listxattr(const char *path, void *list, ulong size)');
export const removexattr = call<[string, string]>('int removexattr(const char *path, const char *name)');
export const flock = call<[number, number]>('int flock(int fd, int operation)');
export const fcntlLock = call<[number, number, Uint8Array]>('int fcntl(int fd, int command, void *lock)');
export const ioctl = call<[number, number, Uint8Array]>('int ioctl(int fd, ulong command, void *argument)');
export const nameToHandle = call<[number, string, Uint8Array, Int32Array, number]>(
  'int name_to_handle_at(int dir, const char *path, void *handle, void *mount, int flags)',
);
export const openByHandle = call<[number, Uint8Array, number]>(
  'int open_by_handle_at(int mount, void *handle, int flags)',
);

/** All that answer with a number, for tables that name them. */
export const calls = {
  open,
  mkdir,
  mknod,
  rmdir,
  unlink,
  link,
  linkat,
  symlink,
  rename,
  renameat2,
  chmod,
  fchmod,
  chown,
  lchown,
  fchown,
  truncate,
  ftruncate,
  utimensat,
  faccessat,
  lseek,
  pwrite,
  write,
  pread,
  fallocate,
  copyFileRange,
  sendfile,
  fsync,
  setxattr,
  lsetxattr,
  getxattr,
  listxattr,
  removexattr,
  flock,
  fcntlLock,
  ioctl,
  nameToHandle,
  openByHandle,
};

const codeOf = (e: unknown): string => (e as NodeJS.ErrnoException).code ?? String(e);
const guarded =
  <A extends unknown[], T>(work: (...args: A) => T): ((...args: A) => T | string) =>
  (...args) => {
    try {
      return work(...args);
    } catch (e) {
      return codeOf(e);
    }
  };

export const stat = guarded((path: string) => statSync(path, { bigint: true }));
export const lstat = guarded((path: string) => lstatSync(path, { bigint: true }));
export const readdir = guarded((path: string) => readdirSync(path).sort().join(' '));
export const readlink = guarded((path: string) => readlinkSync(path));

export function close(fd: Answer): void {
  if (typeof fd === 'number') closeSync(fd);
}
