/** New inodes: files, directories, symbolic links, devices, and files without a name. One batch each. */
import { FsError } from '../../errors.js';
import { itemKind, maxItemBytes } from '../../format/item.js';
import { type InodeNumber, volumeInode } from '../../units.js';
import type { Credentials } from '../api.js';
import { defaultAclFor, inheritAcl } from '../inode/acls.js';
import type { Context } from '../inode/context.js';
import type { Inode } from '../inode/inode.js';
import { InodeEdit } from '../inode/inode-edit.js';
import { refuseImmutable } from '../inode/inode-flags.js';
import { direntType, fileType } from '../inode/mode.js';
import { orphanValue } from '../inode/reclaim.js';
import { direntBytes, encodeDirent, offsetForNew, placeOf } from './dirents.js';
import { livingDirectory } from './lookup.js';
import { checkEntryName } from './names.js';
import { keepNumber, newInode } from './new-inode.js';

/** What a new entry is. */
export interface NewEntry {
  readonly mode: number;
  readonly umask: number;
  readonly device: number;
  /** Target of a symbolic link. */
  readonly target?: Uint8Array;
}

const types: readonly number[] = [
  fileType.regular,
  fileType.directory,
  fileType.symlink,
  fileType.fifo,
  fileType.socket,
  fileType.character,
  fileType.block,
];

/** Make an inode and its first name. EEXIST, ENOENT, ENOTDIR, EINVAL, ENAMETOOLONG, ENOSPC. */
export function create(
  context: Context,
  parent: InodeNumber,
  name: Uint8Array,
  entry: NewEntry,
  who: Credentials,
  operation: string,
): Inode {
  const directory = livingDirectory(context, parent, operation);
  checkEntryName(name, operation, parent);
  const mode = (entry.mode & fileType.mask) === 0 ? entry.mode | fileType.regular : entry.mode;
  if (!types.includes(mode & fileType.mask)) throw new FsError('EINVAL', operation, parent, 'file type');
  const place = placeOf(context.volume, parent, name);
  if (place.inode !== 0) throw new FsError('EEXIST', operation, parent);
  refuseImmutable(directory, operation);
  const offset = offsetForNew(place.offset, operation, parent);

  const defaults = defaultAclFor(context, directory, mode);
  const now = context.volume.now();
  const umask = defaults === undefined ? entry.umask : 0;
  const inode = newInode(context, directory, mode, umask, entry.device, who, now);
  const edit = new InodeEdit(context, who);
  if (defaults !== undefined) inheritAcl(context, edit, inode, defaults);
  edit.batch.inodes = 1;
  edit.batch.put(parent, itemKind.dirent, offset, encodeDirent(inode.number, direntType(mode), name));
  const record = edit.modified(directory, now);
  record.size += direntBytes(name.length);
  if (inode.isDirectory) record.subdirectories++;
  if (entry.target !== undefined) addTarget(edit, inode, entry.target, operation);
  edit.record(inode);
  edit.apply();
  keepNumber(context, inode);
  return inode;
}

function addTarget(edit: InodeEdit, inode: Inode, target: Uint8Array, operation: string): void {
  if (target.length === 0) throw new FsError('ENOENT', operation, inode.number, 'empty target');
  if (target.length > maxItemBytes) throw new FsError('ENAMETOOLONG', operation, inode.number);
  edit.record(inode).size = target.length;
  edit.setFlushedSize(inode, target.length);
  edit.batch.put(inode.number, itemKind.inline, 0, target.slice());
}

/** Make a regular file without a name: an orphan until it is linked. */
export function createNameless(
  context: Context,
  parent: InodeNumber,
  mode: number,
  umask: number,
  who: Credentials,
): Inode {
  const directory = livingDirectory(context, parent, 'tmpfile');
  refuseImmutable(directory, 'tmpfile');
  const regular = (mode & ~fileType.mask) | fileType.regular;
  const defaults = defaultAclFor(context, directory, regular);
  const now = context.volume.now();
  const inode = newInode(context, directory, regular, defaults === undefined ? umask : 0, 0, who, now);
  const edit = new InodeEdit(context, who);
  if (defaults !== undefined) inheritAcl(context, edit, inode, defaults);
  edit.batch.inodes = 1;
  edit.record(inode).links = 0;
  edit.batch.put(volumeInode, itemKind.orphan, inode.number, orphanValue(0));
  edit.apply();
  keepNumber(context, inode);
  context.inodes.addNameless(inode.number);
  return inode;
}

/** The target of a symbolic link. EINVAL for others. */
export function readlink(context: Context, inode: Inode): Uint8Array {
  if ((inode.record.mode & fileType.mask) !== fileType.symlink) throw new FsError('EINVAL', 'readlink', inode.number);
  const value = context.volume.get(inode.number, itemKind.inline, 0);
  if (value === undefined) throw new FsError('EUCLEAN', 'readlink', inode.number, 'no target');
  return value.slice();
}
