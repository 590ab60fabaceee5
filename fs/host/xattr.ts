/** Extended attributes by path, which Node has no calls for. Each throws FsError with what the C library says. */
import { type ErrorCode, errno, FsError } from '../errors.js';
import { lastErrno, libc } from './libc.js';

const get = libc.func('getxattr', 'long', ['str', 'str', 'void *', 'ulong']);
const set = libc.func('setxattr', 'int', ['str', 'str', 'void *', 'ulong', 'int']);
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

export function setXattr(path: string, name: string, value: Uint8Array): void {
  if (Number(set(path, name, value, value.length, 0)) < 0) throw failed('setxattr');
}

export function removeXattr(path: string, name: string): void {
  if (Number(remove(path, name)) < 0) throw failed('removexattr');
}
