/**
 * Which pages of a file lie where: walks over the extents of an inode, and cuts in them. Serves reading, flushing,
 * truncation and fallocate.
 *
 * Invariants
 * 1. Extents of a file do not overlap; what no extent covers is a hole.
 * 2. A cut keeps the other pages of an extent under their old birth and checksums, and releases just the pages cut.
 */
import type { DirtyPages } from '../../cache/dirty-pages.js';
import { itemKind } from '../../format/item.js';
import type { Batch } from '../../tree/batch.js';
import type { Address, Generation, InodeNumber, PageNumber } from '../../units.js';
import type { ItemCursor, VolumeApi } from '../../volume/api.js';
import { extentAddress, extentBirth, extentPageCount, partOfExtent } from './extent-value.js';

/** A place among the extents of one inode; valid until the next `apply`. Its methods may throw Suspend. */
export class ExtentCursor {
  first: PageNumber = 0;
  /** Page after the last. */
  end: PageNumber = 0;
  /** 0: reserved, reads as zeros. */
  address: Address = 0;
  birth: Generation = 0;
  value!: Uint8Array;
  private items: ItemCursor | undefined;

  constructor(
    private readonly volume: VolumeApi,
    private readonly inode: InodeNumber,
  ) {}

  /** To the extent that covers the page, or else to the first after it. False when there is none. */
  find(page: PageNumber): boolean {
    const items = this.volume.floor(this.inode, itemKind.extent, page);
    this.items = items;
    if (!items.valid) {
      this.items = this.volume.seek(this.inode, itemKind.extent, page);
      return this.load();
    }
    if (this.load() && this.end > page) return true;
    items.next();
    return this.load();
  }

  next(): boolean {
    this.items?.next();
    return this.load();
  }

  private load(): boolean {
    const items = this.items;
    if (items === undefined || !items.valid || items.inode !== this.inode || items.kind !== itemKind.extent)
      return false;
    this.value = items.value;
    this.first = items.offset;
    this.end = this.first + extentPageCount(this.value);
    this.address = extentAddress(this.value);
    this.birth = extentBirth(this.value);
    return true;
  }
}

/**
 * Cuts ranges of pages, given in ascending order, out of a file's extents. What is left of an extent goes into the
 * batch at once; keys that nothing is left of are collected in `removed`, as the caller may put new extents there.
 */
export class ExtentCut {
  /** Keys of extents of which the first page was cut. */
  readonly removed: PageNumber[] = [];
  /** Pages cut, reserved ones included. */
  pages = 0;
  /** Extents met. */
  extents = 0;

  private readonly cursor: ExtentCursor;
  private open = false;
  /** Pages of the open extent before this one are dealt with. */
  private done: PageNumber = 0;

  constructor(
    volume: VolumeApi,
    private readonly inode: InodeNumber,
    private readonly batch: Batch,
  ) {
    this.cursor = new ExtentCursor(volume, inode);
  }

  /** Entries of a batch that this cut needs so far, `removed` included. */
  get entries(): number {
    return this.batch.entries + this.removed.length + (this.open ? 1 : 0);
  }

  /**
   * Cut the pages from `from` to `end` (not included), unless that meets more than `limit` extents in all: returns
   * the page from which to go on, or `end`. May throw Suspend.
   */
  cut(from: PageNumber, end: PageNumber, limit = Number.POSITIVE_INFINITY): PageNumber {
    const { cursor } = this;
    let at = from;
    while (at < end) {
      if (!this.open || cursor.end <= at) {
        const follows = this.open && cursor.end === at;
        this.finish();
        if (!(follows ? cursor.next() : cursor.find(at)) || cursor.first >= end) return end;
        if (this.extents === limit) return at;
        this.open = true;
        this.done = cursor.first;
        this.extents++;
      }
      const first = Math.max(at, cursor.first);
      const last = Math.min(end, cursor.end);
      this.keepUpTo(first);
      if (first === cursor.first) this.removed.push(first);
      this.batch.release(cursor.address === 0 ? 0 : cursor.address + first - cursor.first, last - first, cursor.birth);
      this.pages += last - first;
      this.done = last;
      at = last;
    }
    return end;
  }

  /** Keep the rest of the last extent. To be called after the last cut. */
  finish(): void {
    if (this.open) this.keepUpTo(this.cursor.end);
    this.open = false;
  }

  private keepUpTo(page: PageNumber): void {
    const { cursor, done } = this;
    if (done >= page) return;
    this.batch.put(
      this.inode,
      itemKind.extent,
      done,
      partOfExtent(cursor.value, done - cursor.first, page - cursor.first),
    );
    this.done = page;
  }
}

/**
 * How many of the pages from `first` to `last` (included) have an extent, reserved or not, and are not among the
 * dirty ones of `memory`. May throw Suspend.
 */
export function mappedPages(
  volume: VolumeApi,
  inode: InodeNumber,
  first: PageNumber,
  last: PageNumber,
  memory: DirtyPages | undefined,
): number {
  const cursor = new ExtentCursor(volume, inode);
  let mapped = 0;
  for (let more = cursor.find(first); more && cursor.first <= last; more = cursor.next()) {
    const end = Math.min(cursor.end, last + 1);
    for (let page = Math.max(cursor.first, first); page < end; page++) {
      if (memory === undefined || !memory.isDirty(page)) mapped++;
    }
  }
  return mapped;
}
