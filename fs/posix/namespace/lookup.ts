/** From a name to an inode, and the checks with which operations on names begin. */
import { FsError } from '../../errors.js';
import type { InodeNumber } from '../../units.js';
import type { Context } from '../inode/context.js';
import type { Inode } from '../inode/inode.js';
import { findEntry } from './dirents.js';
import { checkName, isDot, isDotDot } from './names.js';

/** Thrown on the hot path: one for all, as making an error costs more than the lookup. */
const noEntry = new FsError('ENOENT', 'lookup');

/** A directory in which names are looked up. ENOTDIR, ESTALE. May throw Suspend. */
export function directoryOf(context: Context, number: InodeNumber, operation: string): Inode {
  const inode = context.inodes.get(number, operation);
  if (!inode.isDirectory) throw new FsError('ENOTDIR', operation, number);
  return inode;
}

/** A directory that takes new names: ENOENT once it was removed. May throw Suspend. */
export function livingDirectory(context: Context, number: InodeNumber, operation: string): Inode {
  const inode = directoryOf(context, number, operation);
  if (inode.record.links === 0) throw new FsError('ENOENT', operation, number, 'the directory was removed');
  return inode;
}

export function lookup(context: Context, parent: InodeNumber, name: Uint8Array): Inode {
  const directory = directoryOf(context, parent, 'lookup');
  checkName(name, 'lookup', parent);
  if (isDot(name)) return directory;
  if (isDotDot(name)) return context.inodes.follow(directory.record.parent, parent);
  const number = findEntry(context.volume, parent, name);
  if (number === 0) throw noEntry;
  const found = context.inodes.follow(number, parent);
  found.foundIn = parent;
  return found;
}
