/** System calls that Node has no function for, or none that takes names of any bytes. Each throws FsError. */
import { type ErrorCode, errno, FsError } from '../../fs/errors.js';
import { lastErrno, libc } from '../../fs/host/libc.js';

const names = new Map<number, ErrorCode>(Object.entries(errno).map(([name, number]) => [number, name as ErrorCode]));

function declared<A extends unknown[]>(operation: string, signature: string): (...args: A) => number {
  const call = libc.func(signature);
  return (...args) => {
    const result = Number(call(...args));
    if (result === -1) throw new FsError(names.get(lastErrno()) ?? 'EIO', operation, undefined, `errno ${lastErrno()}`);
    return result;
  };
}

/** Ends with a NUL, as the C library wants it. */
export const pathBytes = (path: Uint8Array): Uint8Array => Buffer.concat([path, Buffer.alloc(1)]);

const here = -100;

const mknodat = declared<[number, Uint8Array, number, number]>(
  'mknod',
  'int mknodat(int folder, const void *path, uint mode, ulong device)',
);
const renameat2 = declared<[number, Uint8Array, number, Uint8Array, number]>(
  'rename',
  'int renameat2(int fromFolder, const void *from, int toFolder, const void *to, uint flags)',
);
const utimensat = declared<[number, Uint8Array, BigInt64Array, number]>(
  'utimens',
  'int utimensat(int folder, const void *path, const void *times, int flags)',
);

export const mknod = (path: Uint8Array, mode: number, device: number): number =>
  mknodat(here, pathBytes(path), mode, device);
export const rename = (from: Uint8Array, to: Uint8Array, flags: number): number =>
  renameat2(here, pathBytes(from), here, pathBytes(to), flags);

/** Set atime and mtime, in seconds and nanoseconds each. */
export const setTimes = (path: Uint8Array, times: readonly [number, number, number, number]): number =>
  utimensat(here, pathBytes(path), BigInt64Array.from(times.map(BigInt)), 0);

export const fallocate = declared<[number, number, number, number]>(
  'fallocate',
  'int fallocate(int fd, int mode, long offset, long length)',
);
export const lseek = declared<[number, number, number]>('seek', 'long lseek(int fd, long offset, int whence)');
export const copyRange = declared<[number, BigInt64Array, number, BigInt64Array, number, number]>(
  'copy_file_range',
  'long copy_file_range(int from, void *fromOffset, int to, void *toOffset, ulong length, uint flags)',
);
