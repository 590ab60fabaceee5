/** System calls that tests make on mounts and that Node has no function for. They throw with the errno's number. */
import { lastErrno, libc } from '../../fs/host/libc.js';

type Result = number;

const checked =
  <A extends unknown[]>(name: string, call: (...args: A) => Result) =>
  (...args: A): Result => {
    const result = call(...args);
    if (result === -1) throw new SystemCallError(name, lastErrno());
    return result;
  };

export class SystemCallError extends Error {
  constructor(
    readonly call: string,
    readonly errno: number,
  ) {
    super(`${call}: errno ${errno}`);
    this.name = 'SystemCallError';
  }
}

const declare = <A extends unknown[]>(name: string, signature: string): ((...args: A) => Result) =>
  checked(name, libc.func(signature) as (...args: A) => Result);

export const here = -100;

export const renameat2 = declare<[number, string, number, string, number]>(
  'renameat2',
  'int renameat2(int fromDir, const char *from, int toDir, const char *to, uint flags)',
);
export const mknod = declare<[string, number, number]>('mknod', 'int mknod(const char *path, uint mode, ulong device)');
export const fallocate = declare<[number, number, number, number]>(
  'fallocate',
  'int fallocate(int fd, int mode, long offset, long length)',
);
export const lseek = declare<[number, number, number]>('lseek', 'long lseek(int fd, long offset, int whence)');
export const copyFileRange = declare<[number, BigInt64Array, number, BigInt64Array, number, number]>(
  'copy_file_range',
  'long copy_file_range(int from, void *fromOffset, int to, void *toOffset, ulong length, uint flags)',
);
export const linkat = declare<[number, string, number, string, number]>(
  'linkat',
  'int linkat(int fromDir, const char *from, int toDir, const char *to, int flags)',
);
export const setxattr = declare<[string, string, Uint8Array, number, number]>(
  'setxattr',
  'int setxattr(const char *path, const char *name, const void *value, ulong size, int flags)',
);
export const getxattr = declare<[string, string, Uint8Array, number]>(
  'getxattr',
  'long getxattr(const char *path, const char *name, void *value, ulong size)',
);
export const listxattr = declare<[string, Uint8Array, number]>(
  'listxattr',
  'long listxattr(const char *path, void *list, ulong size)',
);
export const removexattr = declare<[string, string]>(
  'removexattr',
  'int removexattr(const char *path, const char *name)',
);
