/**
 * An inode loses a name. Serves unlink, rmdir and rename, which add the entry's removal themselves.
 *
 * The last name: a small file that nobody holds goes in the same batch. Otherwise the batch records an inode with
 * no links and an orphan item, and the file is reclaimed when the last hold is gone, or at the next mount.
 */
import { itemKind } from '../../format/item.js';
import { volumeInode } from '../../units.js';
import type { Time } from '../api.js';
import type { Context } from '../inode/context.js';
import type { Inode } from '../inode/inode.js';
import type { InodeEdit } from '../inode/inode-edit.js';
import { fitsOneBatch, orphanValue, removeItems } from '../inode/reclaim.js';

/** Returns what is to be done right after the edit was applied. May throw Suspend. */
export function dropName(context: Context, edit: InodeEdit, inode: Inode, now: Time): () => void {
  const record = edit.changed(inode, now);
  record.links--;
  if (record.links > 0) return () => undefined;
  if (inode.isDirectory) {
    record.size = 0;
    edit.setFlushedSize(inode, 0);
  }
  const held = context.inodes.isHeld(inode.number);
  if (!held && inode.cutting === undefined && fitsOneBatch(inode)) {
    removeItems(context, edit, inode);
    return () => undefined;
  }
  edit.batch.put(volumeInode, itemKind.orphan, inode.number, orphanValue(0));
  return () => {
    context.inodes.addNameless(inode.number);
    if (!held) context.reclaimer.add(inode.number);
  };
}
