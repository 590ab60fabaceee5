/**
 * System calls of the driver that Node lacks, or has only at a price: fs.readSync throws on EAGAIN, and an
 * exception costs more than the request.
 */
import koffi, { type KoffiFunc } from 'koffi';
import { libc } from '../../host/libc.js';

type Call<T extends (...args: never[]) => number> = T;

/** Bytes, or -1 and errno. */
export const read = libc.func('long read(int fd, void *buf, ulong count)') as Call<
  (fd: number, into: Uint8Array, count: number) => number
>;
export const write = libc.func('long write(int fd, const void *buf, ulong count)') as unknown as KoffiFunc<
  (fd: number, from: Uint8Array, count: number) => number
>;

/** struct pollfd: int fd, short events, short revents. */
export const poll = libc.func('int poll(void *fds, ulong count, int timeout)') as Call<
  (fds: Int32Array, count: number, timeout: number) => number
>;

export const mount = libc.func(
  'int mount(const char *source, const char *target, const char *type, ulong flags, const char *data)',
) as Call<(source: string, target: string, type: string, flags: number, data: string) => number>;

export const umount2 = libc.func('int umount2(const char *target, int flags)') as unknown as KoffiFunc<
  (target: string, flags: number) => number
>;

export const syncfs = libc.func('int syncfs(int fd)') as unknown as KoffiFunc<(fd: number) => number>;

/** A system call in a thread of the pool, for those that wait for answers of this very process. */
export const inThread = (start: (done: (error: unknown, result: number) => void) => void): Promise<CallResult> =>
  new Promise((resolve, reject) =>
    start((error, result) => (error ? reject(error) : resolve({ result, errno: result === -1 ? koffi.errno() : 0 }))),
  );

export interface CallResult {
  readonly result: number;
  /** 0 unless the result is -1. */
  readonly errno: number;
}

export const mountFlag = {
  ro: 1,
  nosuid: 2,
  nodev: 4,
  noexec: 8,
  sync: 16,
  remount: 32,
  dirsync: 128,
  nosymfollow: 256,
  noatime: 1024,
  nodiratime: 2048,
  relatime: 1 << 21,
  strictatime: 1 << 24,
  lazytime: 1 << 25,
} as const;

export const umountFlag = { detach: 2, noFollow: 8 } as const;
