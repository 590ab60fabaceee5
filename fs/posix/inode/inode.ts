/**
 * An inode in memory: its record as callers see it, and what has not reached the tree yet.
 *
 * Invariants
 * 1. `record` is what stat reports. The tree's copy differs only in size, times and mode bits that a write
 *    cleared, and only while `attributesDirty`; the tree's size is `flushedSize`.
 * 2. `record.pages` is always the tree's: pages in memory do not count.
 * 3. Bytes beyond the end of the file are zeros in every page in memory. In stored pages they may be stale:
 *    whoever makes the file longer first brings the page at the old end into memory, dirty.
 * 4. A record is replaced, not changed, by operations that apply a batch, so that one that fails or suspends has
 *    changed nothing.
 */
import type { DirtyPages } from '../../cache/dirty-pages.js';
import type { InodeRecord } from '../../format/item.js';
import type { ByteOffset, InodeNumber } from '../../units.js';
import { isDirectory, isRegular } from './mode.js';

/** Largest file that is kept inline, in bytes. */
export const inlineBytes = 2048;

export class Inode {
  /** Size that the tree knows. */
  flushedSize: ByteOffset;
  /** Pages in memory, for a regular file that has any. */
  pages: DirtyPages | undefined;
  /** The record must be put into the tree at the next flush. */
  attributesDirty = false;
  /** Counts changes of the extents in the tree. */
  mapVersion = 0;
  /** Its next flush shall write extents, however small it is: space is to be reserved beside them. */
  wantsExtents = false;
  /** Pages beyond a new, smaller size are being given back; nothing may be written until this settles. */
  cutting: Promise<void> | undefined;
  /** Units in a row that transforming did not make smaller, and how many of the next ones are not tried. */
  unitsInVain = 0;
  untried = 0;
  /** Someone waits for an answer about this inode: it stays in the table. */
  busy = 0;
  /** The directory in which it was last found, for read-ahead; 0: it was not looked up by name. */
  foundIn: InodeNumber = 0;
  /** It was removed from the tree. */
  gone = false;

  constructor(
    readonly number: InodeNumber,
    public record: InodeRecord,
  ) {
    this.flushedSize = record.size;
  }

  get isDirectory(): boolean {
    return isDirectory(this.record.mode);
  }

  get isRegular(): boolean {
    return isRegular(this.record.mode);
  }

  /** The tree may hold the file's contents as an inline item, and surely holds no extents. */
  get mayBeInline(): boolean {
    return this.record.pages === 0 && this.flushedSize > 0 && this.flushedSize <= inlineBytes;
  }

  get dirty(): boolean {
    return this.attributesDirty || this.dataDirty;
  }

  /** The tree lacks contents, or the size. */
  get dataDirty(): boolean {
    return (this.pages !== undefined && this.pages.dirtyCount > 0) || this.flushedSize !== this.record.size;
  }

  /** Nothing is lost when it is forgotten. */
  get disposable(): boolean {
    return !this.attributesDirty && this.pages === undefined && this.cutting === undefined && this.busy === 0;
  }
}
