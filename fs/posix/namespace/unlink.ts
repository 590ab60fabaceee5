/** Removing names: unlink and rmdir. One batch each, which may use the reserve: they work on a full volume. */
import { FsError } from '../../errors.js';
import { itemKind } from '../../format/item.js';
import type { InodeNumber } from '../../units.js';
import type { Context } from '../inode/context.js';
import { InodeEdit } from '../inode/inode-edit.js';
import { refuseFixed } from '../inode/inode-flags.js';
import { direntBytes, isEmptyDirectory, placeOf } from './dirents.js';
import { dropName } from './drop-name.js';
import { directoryOf } from './lookup.js';
import { checkEntryName, checkName, isDot, isDotDot } from './names.js';

/** ENOENT, EISDIR for a directory. */
export function unlink(context: Context, parent: InodeNumber, name: Uint8Array): void {
  const directory = directoryOf(context, parent, 'unlink');
  checkEntryName(name, 'unlink', parent);
  const place = placeOf(context.volume, parent, name);
  if (place.inode === 0) throw new FsError('ENOENT', 'unlink', parent);
  const inode = context.inodes.follow(place.inode, parent);
  refuseFixed(directory, 'unlink');
  refuseFixed(inode, 'unlink');
  if (inode.isDirectory) throw new FsError('EISDIR', 'unlink', inode.number);

  const now = context.volume.now();
  const edit = new InodeEdit(context);
  edit.batch.frees = true;
  edit.batch.delete(parent, itemKind.dirent, place.offset);
  edit.modified(directory, now).size -= direntBytes(name.length);
  const after = dropName(context, edit, inode, now);
  edit.apply();
  after();
}

/** ENOENT, ENOTDIR, ENOTEMPTY, EINVAL for `.`. */
export function rmdir(context: Context, parent: InodeNumber, name: Uint8Array): void {
  const directory = directoryOf(context, parent, 'rmdir');
  checkName(name, 'rmdir', parent);
  if (isDot(name)) throw new FsError('EINVAL', 'rmdir', parent);
  if (isDotDot(name)) throw new FsError('ENOTEMPTY', 'rmdir', parent);
  const place = placeOf(context.volume, parent, name);
  if (place.inode === 0) throw new FsError('ENOENT', 'rmdir', parent);
  const inode = context.inodes.follow(place.inode, parent);
  refuseFixed(directory, 'rmdir');
  refuseFixed(inode, 'rmdir');
  if (!inode.isDirectory) throw new FsError('ENOTDIR', 'rmdir', inode.number);
  if (!isEmptyDirectory(context.volume, inode.number)) throw new FsError('ENOTEMPTY', 'rmdir', inode.number);

  const now = context.volume.now();
  const edit = new InodeEdit(context);
  edit.batch.frees = true;
  edit.batch.delete(parent, itemKind.dirent, place.offset);
  const record = edit.modified(directory, now);
  record.size -= direntBytes(name.length);
  record.subdirectories--;
  const after = dropName(context, edit, inode, now);
  edit.apply();
  after();
}
