/**
 * A change of one or more inodes that happens with one batch: the operation asks for writable copies of their
 * records, adds items to the batch, and applies. Only then do the inodes in memory change, so that an operation
 * whose batch fails or suspends has changed nothing.
 */
import { FsError } from '../../errors.js';
import type { InodeRecord } from '../../format/item.js';
import { itemKind } from '../../format/item.js';
import { Batch } from '../../tree/batch.js';
import type { ByteOffset } from '../../units.js';
import type { Credentials, Time } from '../api.js';
import type { Context } from './context.js';
import type { Inode } from './inode.js';
import { copyRecord, encodeInode } from './inode-record.js';

/** One inode of an edit. */
interface Changed {
  readonly inode: Inode;
  readonly record: InodeRecord;
  /** Size that the tree shall know. */
  flushedSize: ByteOffset;
  /** The inode goes with this batch. */
  removed: boolean;
}

export class InodeEdit {
  readonly batch = new Batch();
  private readonly changes: Changed[] = [];

  /** `who` asks for it, and may meet a quota; undefined: nobody does, as what happens was admitted earlier. */
  constructor(
    private readonly context: Context,
    private readonly who?: Credentials,
  ) {}

  private of(inode: Inode): Changed {
    const { changes } = this;
    for (let i = 0; i < changes.length; i++) if (changes[i].inode === inode) return changes[i];
    const made = { inode, record: copyRecord(inode.record), flushedSize: inode.flushedSize, removed: false };
    changes.push(made);
    return made;
  }

  /** The record to change; the same one each time. */
  record(inode: Inode): InodeRecord {
    return this.of(inode).record;
  }

  /** The size that the tree shall know. */
  setFlushedSize(inode: Inode, size: ByteOffset): void {
    this.of(inode).flushedSize = size;
  }

  /** The inode goes with this batch: its items are deleted by the caller. */
  remove(inode: Inode): void {
    this.of(inode).removed = true;
    this.batch.inodes--;
  }

  /** ctime is now. */
  changed(inode: Inode, now: Time): InodeRecord {
    const { record } = this.of(inode);
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
    const { batch, changes, who } = this;
    const { quotas } = this.context;
    for (const change of changes) {
      const { inode, record } = change;
      if (quotas !== undefined && who !== undefined && !change.removed) quotas.admit(inode, record, who);
      // Only a regular file has a size that the tree learns later.
      if (!inode.isRegular) change.flushedSize = record.size;
      if (!change.removed) batch.put(inode.number, itemKind.inode, 0, encodeInode(record, change.flushedSize));
    }
    this.applyBatch();
    const { writeback } = this.context;
    if (batch.releases.length > 0) writeback.spaceChanges++;
    for (const { inode, record, flushedSize, removed } of changes) {
      if (removed) {
        writeback.dropInode(inode);
        this.context.inodes.remove(inode);
        continue;
      }
      quotas?.moved(inode, inode.record, record);
      inode.record = record;
      inode.flushedSize = flushedSize;
      inode.attributesDirty = record.size !== flushedSize;
      writeback.note(inode);
    }
  }

  /** A full volume may have room when what is dirty now, perhaps in place of what it has, is flushed. */
  private applyBatch(): void {
    const { volume, writeback } = this.context;
    try {
      volume.apply(this.batch);
    } catch (e) {
      if (e instanceof FsError && e.code === 'ENOSPC') writeback.makeRoomForItems();
      throw e;
    }
  }
}
