/** Extended attributes by path, which Node has no calls for. Each throws FsError with what the C library says. */
import { type ErrorCode, errno, FsError } from '../errors.js';
import { lastErrno, libc } from './libc.js';

const get = libc.func('getxattr', 'long', ['str', 'str', 'void *', 'ulong']);
const set = libc.func('setxattr', 'int', ['str', 'str', 'void *', 'ulong', 'int']);
const list = libc.func('listxattr', 'long', ['str', 'void *', 'ulong']);
const remove = libc.func('removexattr', 'int', ['str', 'str']);

const mostBytes = 65_536;

function failed(operation: string): FsError {
  const number = lastErrno();
  const code = Object.entries(errno).find(([, value]) => value === number)?.[0];
  return new FsError((code ?? 'EIO') as ErrorCode, operation);
}

/** Undefined when the file has none of that name. */
export function getXattr(path: string, name: string): Uint8Array | undefined {
  const value = new Uint8Array(mostBytes);
  const length = Number(get(path, name, value, mostBytes));
  if (length >= 0) return value.slice(0, length);
  const error = failed('getxattr');
  if (error.code === 'ENODATA') return undefined;
  throw error;
}

/** `flags`: 1 it must be new, 2 it must be there. */
export function setXattr(path: string, name: string, value: Uint8Array, flags = 0): void {
  if (Number(set(path, name, value, value.length, flags)) < 0) throw failed('setxattr');
}

/** Names of all that the caller may see. */
export function listXattr(path: string): string[] {
  const names = new Uint8Array(mostBytes);
  const length = Number(list(path, names, mostBytes));
  if (length < 0) throw failed('listxattr');
  return Buffer.from(names.subarray(0, length)).toString().split('\0').slice(0, -1);
}

export function removeXattr(path: string, name: string): void {
  if (Number(remove(path, name)) < 0) throw failed('removexattr');
}
