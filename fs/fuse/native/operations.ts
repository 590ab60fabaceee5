/**
 * What libfuse 2 and the binding can ask for, and which function does it. Not among them, and so answered by libfuse
 * with ENOSYS or by the kernel itself: flush (nothing to do), locks (the kernel keeps them).
 */
import * as files from './files.js';
import * as inodes from './inodes.js';
import * as names from './names.js';
import type { Operation } from './operation.js';
import * as xattrs from './xattrs.js';

const handle = (_: Uint8Array, opened: number): unknown[] => [opened];
const buffer = (lent: Uint8Array): unknown[] => [lent.buffer];
const countAndBuffer = (lent: Uint8Array): unknown[] => [0, lent.buffer];

export const operations: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ['statfs', { act: inodes.statfs }],
  ['getattr', { act: inodes.getattr }],
  ['fgetattr', { act: inodes.fgetattr }],
  ['readlink', { act: inodes.readlink }],
  ['readdir', { act: inodes.readdir }],
  ['chmod', { act: inodes.chmod, change: 'file' }],
  ['chown', { act: inodes.chown, change: 'file' }],
  ['utimens', { act: inodes.utimens, change: 'file' }],
  ['truncate', { act: inodes.truncate, change: 'file' }],
  ['ftruncate', { act: inodes.ftruncate, change: 'file' }],
  ['open', { act: files.open, rest: handle }],
  ['release', { act: files.release }],
  ['read', { act: files.read, lent: 2, rest: countAndBuffer }],
  ['write', { act: files.write, change: 'file', lent: 2, rest: countAndBuffer }],
  ['fsync', { act: files.fsync }],
  ['fsyncdir', { act: files.fsyncdir }],
  ['mknod', { act: names.mknod, change: 'names' }],
  ['create', { act: names.create, change: 'names', rest: handle }],
  ['mkdir', { act: names.mkdir, change: 'names' }],
  ['symlink', { act: names.symlink, change: 'names' }],
  ['link', { act: names.link, change: 'names' }],
  ['unlink', { act: names.unlink, change: 'names' }],
  ['rmdir', { act: names.rmdir, change: 'names' }],
  ['rename', { act: names.rename, change: 'names' }],
  ['setxattr', { act: xattrs.setxattr, change: 'file', lent: 2, rest: buffer }],
  ['getxattr', { act: xattrs.getxattr, lent: 2, rest: buffer }],
  ['listxattr', { act: xattrs.listxattr, lent: 1, rest: buffer }],
  ['removexattr', { act: xattrs.removexattr, change: 'file' }],
]);

/** Asked for where the kernel does not check permissions. */
export const permissionOperations: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ['access', { act: inodes.access }],
  ['opendir', { act: inodes.opendir }],
]);
