/**
 * Changing the size of a file. Serves setattr and fallocate; the caller applies the edit together with whatever
 * else it changes.
 *
 * Smaller: the new size and the cut of up to 400 extents are in one batch; what is left beyond is announced there
 * by an orphan item and given back in the background. Stored bytes in the last page behind the new end stay: they
 * are never shown, and whoever makes the file longer zeroes them first (Inode, invariant 3).
 * Larger: at once in the tree, unless the file has dirty pages: then with those, at the next flush. Mode `data` leaves
 * no pages dirty.
 */
import { FsError } from '../../errors.js';
import { itemKind } from '../../format/item.js';
import { Suspend } from '../../suspend.js';
import { type ByteOffset, maxFileSize, pageSize, volumeInode } from '../../units.js';
import type { Credentials } from '../api.js';
import type { Context } from './context.js';
import { makeDirty, pagesAtEnd } from './file-write.js';
import { type Inode, inlineBytes } from './inode.js';
import type { InodeEdit } from './inode-edit.js';
import { cutPages, orphanValue } from './reclaim.js';
import { flushNow } from './steps.js';

/**
 * Add a new size to the edit. Returns what is to be done right after the edit was applied. Throws Suspend, EFBIG,
 * ENOSPC (growing), EIO.
 */
export function resize(
  context: Context,
  inode: Inode,
  size: ByteOffset,
  edit: InodeEdit,
  who?: Credentials,
): () => void {
  if (size > maxFileSize) throw new FsError('EFBIG', 'truncate', inode.number);
  if (inode.cutting !== undefined) throw new Suspend(inode.cutting, 'truncation');
  return size > inode.record.size ? grow(context, inode, size, edit, who) : shrink(context, inode, size, edit);
}

function grow(context: Context, inode: Inode, size: ByteOffset, edit: InodeEdit, who?: Credentials): () => void {
  makeDirty(context, inode, pagesAtEnd(inode), who);
  if (context.volume.journal === 'data') {
    // What is inline at the old size can't stay so at the new one, and is not dirty afterwards.
    if (size > inlineBytes) inode.wantsExtents = true;
    // Nothing that shows: stale bytes behind the end go before the size comes.
    flushNow(context, inode);
  }
  edit.record(inode).size = size;
  const dirty = inode.pages !== undefined && inode.pages.dirtyCount > 0;
  if (!dirty) edit.setFlushedSize(inode, size);
  return () => undefined;
}

function shrink(context: Context, inode: Inode, size: ByteOffset, edit: InodeEdit): () => void {
  const { batch } = edit;
  const from = Math.ceil(size / pageSize);
  edit.record(inode).size = size;
  if (size < inode.flushedSize) edit.setFlushedSize(inode, size);
  batch.frees = true;
  let all = true;
  if (inode.record.pages > 0) {
    all = cutPages(context, edit, inode, from);
    if (!all) batch.put(volumeInode, itemKind.orphan, inode.number, orphanValue(size));
  } else if (inode.mayBeInline && size < inode.flushedSize) {
    const value = context.volume.get(inode.number, itemKind.inline, 0);
    if (value !== undefined && size === 0) batch.delete(inode.number, itemKind.inline, 0);
    else if (value !== undefined) batch.put(inode.number, itemKind.inline, 0, value.slice(0, size));
  }
  return () => {
    inode.mapVersion++;
    context.writeback.dropPages(inode, from, Number.POSITIVE_INFINITY);
    const frame = inode.pages?.frame(from - 1) ?? -1;
    if (frame >= 0 && size % pageSize !== 0) context.frames.view(frame).fill(0, size % pageSize);
    context.writeback.note(inode);
    if (!all) context.reclaimer.cut(inode, from);
  };
}
