/**
 * Which pages of a file lie where: walks over the extents of an inode, and cuts in them. Serves reading, flushing,
 * truncation and fallocate.
 *
 * Invariants
 * 1. Extents of a file do not overlap; what no extent covers is a hole.
 * 2. A cut keeps the other pages of an extent under their old birth and checksums, and releases just the pages cut.
 * 3. A unit is stored as a whole as long as the file has one page of it: a cut narrows its window, and only the last
 *    one releases it. No other extent lies between the first and the last page of a window.
 */
import type { DirtyPages } from '../../cache/dirty-pages.js';
import { itemKind } from '../../format/item.js';
import type { Batch } from '../../tree/batch.js';
import type { Address, Generation, InodeNumber, PageNumber } from '../../units.js';
import type { ItemCursor, VolumeApi } from '../../volume/api.js';
import {
  extentAddress,
  extentBirth,
  extentPageCount,
  extentStoredPages,
  extentTransform,
  pageBits,
  partOfExtent,
  partOfUnit,
  unitPresent,
} from './extent-value.js';

/** A place among the extents of one inode; valid until the next `apply`. Its methods may throw Suspend. */
export class ExtentCursor {
  first: PageNumber = 0;
  /** Page after the last. */
  end: PageNumber = 0;
  /** 0: reserved, reads as zeros. */
  address: Address = 0;
  birth: Generation = 0;
  /** Number of the chain of transforms; 0: none. */
  transform = 0;
  /** Bit i: page i is in the unit. Only where there is a transform. */
  present = 0;
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

  /** Whether a page of the extent is something else than zeros. */
  holds(page: PageNumber): boolean {
    return this.address !== 0 && (this.transform === 0 || ((this.present >>> (page - this.first)) & 1) === 1);
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
    this.transform = extentTransform(this.value);
    if (this.transform !== 0) this.present = unitPresent(this.value);
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
  /** Pages released, reserved ones included. */
  pages = 0;
  /** Extents met. */
  extents = 0;

  private readonly cursor: ExtentCursor;
  private open = false;
  /** Pages of the open extent before this one are dealt with. */
  private done: PageNumber = 0;
  /** Pages of the open unit that stay. */
  private left = 0;

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
        this.left = cursor.present;
        this.extents++;
      }
      const first = Math.max(at, cursor.first);
      const last = Math.min(end, cursor.end);
      if (cursor.transform !== 0) {
        this.left = (this.left & ~pageBits(first - cursor.first, last - cursor.first)) >>> 0;
        at = last;
        continue;
      }
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
    if (this.open && this.cursor.transform !== 0) this.narrow();
    else if (this.open) this.keepUpTo(this.cursor.end);
    this.open = false;
  }

  /** Keep what is left of a unit, or give it back. */
  private narrow(): void {
    const { cursor, left } = this;
    if (left === cursor.present) return;
    if (left === 0) {
      const stored = extentStoredPages(cursor.value);
      this.removed.push(cursor.first);
      this.batch.release(cursor.address, stored, cursor.birth);
      this.pages += stored;
      return;
    }
    const part = partOfUnit(cursor.value, left);
    if (part.first > 0) this.removed.push(cursor.first);
    this.batch.put(this.inode, itemKind.extent, cursor.first + part.first, part.value);
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
 * How many pages come free when those from `first` to `last` (included) get others: those that have an extent, reserved
 * or not, and are not among the dirty ones of `memory`, which will get others anyway; and what stores the units there,
 * which are written anew as wholes, but for one with page `except`. Pages born up to `held` are a snapshot's. May throw
 * Suspend.
 */
export function mappedPages(
  volume: VolumeApi,
  inode: InodeNumber,
  first: PageNumber,
  last: PageNumber,
  memory: DirtyPages | undefined,
  held = volume.heldGeneration,
  except: PageNumber = -1,
): number {
  const cursor = new ExtentCursor(volume, inode);
  let mapped = 0;
  for (let more = cursor.find(first); more && cursor.first <= last; more = cursor.next()) {
    if (cursor.transform !== 0) {
      if (except >= cursor.first && except < cursor.end) continue;
      if (memory === undefined || !memory.isDirty(cursor.first)) mapped += extentStoredPages(cursor.value);
      continue;
    }
    const end = Math.min(cursor.end, last + 1);
    // What a snapshot holds is not given back: to replace it takes room like every page.
    if (cursor.address !== 0 && cursor.birth <= held) continue;
    for (let page = Math.max(cursor.first, first); page < end; page++) {
      if (memory === undefined || !memory.isDirty(page)) mapped++;
    }
  }
  return mapped;
}
