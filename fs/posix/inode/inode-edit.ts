/**
 * A change of one or more inodes that happens with one batch: the operation asks for writable copies of their
 * records, adds items to the batch, and applies. Only then do the inodes in memory change, so that an operation
 * whose batch fails or suspends has changed nothing.
 */
import type { InodeRecord } from '../../format/item.js';
import { itemKind } from '../../format/item.js';
import { Batch } from '../../tree/batch.js';
import type { ByteOffset } from '../../units.js';
import type { Time } from '../api.js';
import type { Context } from './context.js';
import type { Inode } from './inode.js';
import { encodeInode } from './inode-record.js';

export class InodeEdit {
  readonly batch = new Batch();
  private readonly inodes: Inode[] = [];
  private readonly records: InodeRecord[] = [];
  private readonly sizes: ByteOffset[] = [];
  private readonly removed: boolean[] = [];

  constructor(private readonly context: Context) {}

  /** The record to change; the same one each time. */
  record(inode: Inode): InodeRecord {
    const known = this.inodes.indexOf(inode);
    if (known >= 0) return this.records[known];
    const copy = { ...inode.record };
    this.inodes.push(inode);
    this.records.push(copy);
    this.sizes.push(inode.flushedSize);
    this.removed.push(false);
    return copy;
  }

  /** The size that the tree shall know. */
  setFlushedSize(inode: Inode, size: ByteOffset): void {
    this.record(inode);
    this.sizes[this.inodes.indexOf(inode)] = size;
  }

  /** The inode goes with this batch: its items are deleted by the caller. */
  remove(inode: Inode): void {
    this.record(inode);
    this.removed[this.inodes.indexOf(inode)] = true;
    this.batch.inodes--;
  }

  /** ctime is now. */
  changed(inode: Inode, now: Time): InodeRecord {
    const record = this.record(inode);
    record.ctimeSeconds = now.seconds;
    record.ctimeNanos = now.nanos;
    return record;
  }

  /** mtime and ctime are now. */
  modified(inode: Inode, now: Time): InodeRecord {
    const record = this.changed(inode, now);
    record.mtimeSeconds = now.seconds;
    record.mtimeNanos = now.nanos;
    return record;
  }

  /** Apply the batch with the records, then change the inodes in memory. Throws Suspend or FsError before any change. */
  apply(): void {
    const { inodes, records, sizes, removed } = this;
    for (let i = 0; i < inodes.length; i++) {
      // Only what a file holds may be written later; the size of all else is known to the tree at once.
      if (!inodes[i].isRegular) sizes[i] = records[i].size;
      if (!removed[i]) this.batch.put(inodes[i].number, itemKind.inode, 0, encodeInode(records[i], sizes[i]));
    }
    this.context.volume.apply(this.batch);
    const { writeback } = this.context;
    if (this.batch.releases.length > 0) writeback.spaceChanges++;
    for (let i = 0; i < inodes.length; i++) {
      const inode = inodes[i];
      if (removed[i]) {
        writeback.dropInode(inode);
        this.context.inodes.remove(inode);
        continue;
      }
      inode.record = records[i];
      inode.flushedSize = sizes[i];
      inode.attributesDirty = records[i].size !== sizes[i];
      writeback.note(inode);
    }
  }
}
