/** The project of a file or directory, set as ioctl_fsxattr does (linux/fs.h, struct fsxattr). */
import { closeSync, constants, openSync } from 'node:fs';
import { type ErrorCode, errno, FsError } from '../errors.js';
import { lastErrno, libc } from './libc.js';

const ioctl = libc.func('ioctl', 'int', ['int', 'ulong', 'void *']);
const getExtended = 0x801c581f;
const setExtended = 0x401c5820;
/** Words of struct fsxattr, and the flag that a directory hands its project on. */
const word = { flags: 0, project: 3, all: 7 } as const;
const projectInherit = 0x200;

/** Throws FsError. Other flags stay. `inherit`: what is made in the directory belongs to the project. */
export function setProject(path: string, project: number, inherit: boolean): void {
  const descriptor = open(path);
  try {
    const words = new Uint32Array(word.all);
    if (Number(ioctl(descriptor, getExtended, words)) < 0) throw failed('getproject');
    words[word.flags] = inherit ? words[word.flags] | projectInherit : words[word.flags] & ~projectInherit;
    words[word.project] = project;
    if (Number(ioctl(descriptor, setExtended, words)) < 0) throw failed('setproject');
  } finally {
    closeSync(descriptor);
  }
}

function open(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (e) {
    const { code } = e as NodeJS.ErrnoException;
    throw new FsError((code !== undefined && code in errno ? code : 'EIO') as ErrorCode, 'open');
  }
}

function failed(operation: string): FsError {
  const number = lastErrno();
  const code = Object.entries(errno).find(([, value]) => value === number)?.[0];
  return new FsError((code ?? 'EIO') as ErrorCode, operation);
}
