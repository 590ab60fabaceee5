/** Another name for a file: one batch with the entry and both inodes. */
import { FsError } from '../../errors.js';
import { itemKind } from '../../format/item.js';
import { type InodeNumber, volumeInode } from '../../units.js';
import type { Context } from '../inode/context.js';
import type { Inode } from '../inode/inode.js';
import { InodeEdit } from '../inode/inode-edit.js';
import { refuseFixed, refuseImmutable } from '../inode/inode-flags.js';
import { direntType } from '../inode/mode.js';
import { orphanValue } from '../inode/reclaim.js';
import { refuseOtherProject } from '../quota/project.js';
import { direntBytes, encodeDirent, offsetForNew, placeOf } from './dirents.js';
import { livingDirectory } from './lookup.js';
import { checkEntryName } from './names.js';

/** Most names of a file. */
export const maxLinks = 65000;

/** EPERM for a directory, EMLINK, EEXIST. A file without a name (tmpfile) is no orphan afterwards. */
export function link(context: Context, number: InodeNumber, parent: InodeNumber, name: Uint8Array): Inode {
  const inode = context.inodes.get(number, 'link');
  const directory = livingDirectory(context, parent, 'link');
  checkEntryName(name, 'link', parent);
  if (inode.isDirectory) throw new FsError('EPERM', 'link', number);
  refuseFixed(inode, 'link');
  refuseImmutable(directory, 'link');
  refuseOtherProject(inode, directory, 'link');
  if (inode.record.links >= maxLinks) throw new FsError('EMLINK', 'link', number);
  const place = placeOf(context.volume, parent, name);
  if (place.inode !== 0) throw new FsError('EEXIST', 'link', parent);
  const offset = offsetForNew(place.offset, 'link', parent);
  context.writeback.flushBeforeNaming(inode);

  const now = context.volume.now();
  const edit = new InodeEdit(context);
  edit.batch.put(parent, itemKind.dirent, offset, encodeDirent(number, direntType(inode.record.mode), name));
  edit.modified(directory, now).size += direntBytes(name.length);
  const nameless = inode.record.links === 0;
  if (nameless && inode.cutting === undefined) edit.batch.delete(volumeInode, itemKind.orphan, number);
  // A cut under way is announced under the same key: from here on just what it cuts, not the whole file.
  if (nameless && inode.cutting !== undefined) {
    edit.batch.put(volumeInode, itemKind.orphan, number, orphanValue(inode.record.size));
  }
  edit.changed(inode, now).links++;
  edit.apply();
  if (nameless) context.inodes.nameless.delete(number);
  return inode;
}
