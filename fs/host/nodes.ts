/**
 * What copying a tree needs of the host and Node lacks: attributes of a link itself, nodes of devices, times to the
 * nanosecond. Paths are bytes, of any encoding; a link that stands last is not followed. Each function throws FsError
 * with what the C library says.
 */
import { type ErrorCode, errno, FsError } from '../errors.js';
import { lastErrno, libc } from './libc.js';

const list = libc.func('llistxattr', 'long', ['const void *', 'void *', 'ulong']);
const get = libc.func('lgetxattr', 'long', ['const void *', 'const void *', 'void *', 'ulong']);
const set = libc.func('lsetxattr', 'int', ['const void *', 'const void *', 'const void *', 'ulong', 'int']);
const make = libc.func('mknod', 'int', ['const void *', 'uint', 'ulong']);
const utimensat = libc.func('utimensat', 'int', ['int', 'const void *', 'const void *', 'int']);

const mostBytes = 65_536;
/** AT_FDCWD and AT_SYMLINK_NOFOLLOW. */
const [here, itself] = [-100, 0x100];

const ended = (bytes: Uint8Array): Buffer => Buffer.concat([bytes, Buffer.alloc(1)]);

function checked(result: unknown, operation: string): number {
  if (Number(result) >= 0) return Number(result);
  const number = lastErrno();
  const code = Object.entries(errno).find(([, value]) => value === number)?.[0];
  throw new FsError((code ?? 'EIO') as ErrorCode, operation);
}

/** All extended attributes; none where the filesystem has no such thing. */
export function xattrsOf(path: Uint8Array): { readonly name: Uint8Array; readonly value: Uint8Array }[] {
  const names = Buffer.alloc(mostBytes);
  const length = Number(list(ended(path), names, mostBytes));
  if (length < 0 && lastErrno() === errno.EOPNOTSUPP) return [];
  checked(length, 'llistxattr');
  const found: { name: Uint8Array; value: Uint8Array }[] = [];
  for (let at = 0; at < length; ) {
    const end = names.indexOf(0, at);
    const name = Uint8Array.from(names.subarray(at, end));
    at = end + 1;
    const value = new Uint8Array(mostBytes);
    const bytes = checked(get(ended(path), ended(name), value, mostBytes), 'lgetxattr');
    found.push({ name, value: value.slice(0, bytes) });
  }
  return found;
}

export function putXattr(path: Uint8Array, name: Uint8Array, value: Uint8Array): void {
  checked(set(ended(path), ended(name), value, value.length, 0), 'lsetxattr');
}

/** A fifo, a socket or the node of a device. `device` as stat has it. */
export function mknod(path: Uint8Array, mode: number, device: number): void {
  checked(make(ended(path), mode, device), 'mknod');
}

interface Moment {
  readonly seconds: number;
  readonly nanos: number;
}

export function setTimes(path: Uint8Array, atime: Moment, mtime: Moment): void {
  const times = BigInt64Array.from([atime.seconds, atime.nanos, mtime.seconds, mtime.nanos].map(BigInt));
  checked(utimensat(here, ended(path), times, itself), 'utimensat');
}
