/**
 * The pages of one file that are in memory: page number -> frame. Dirty pages are newer than the log; clean pages
 * were read because a part of them is about to change, and may be dropped at any time.
 *
 * Pages are kept in chunks of 32, aligned as extents are, so that a large write touches few map entries and a
 * flush sorts chunks, not pages.
 *
 * Invariants
 * 1. A page has one frame at most; `dirtyCount` and `cleanCount` count them.
 * 2. A chunk exists only while it has a page.
 */
import { extentPages, type PageNumber } from '../units.js';
import type { Frame } from './page-frames.js';

const chunkMask = extentPages - 1;

/** 32 pages from a page number divisible by 32. `frames[i]` is -1 where the page is not in memory. */
export class PageChunk {
  readonly frames: Frame[] = new Array<Frame>(extentPages).fill(-1);
  /** Bit i: page i is dirty. */
  dirty = 0;
  present = 0;
  /** Which batch of a flush took it last. */
  batch = 0;
}

export class DirtyPages {
  readonly chunks = new Map<number, PageChunk>();
  dirtyCount = 0;
  cleanCount = 0;

  get empty(): boolean {
    return this.dirtyCount === 0 && this.cleanCount === 0;
  }

  /** The page's frame, or -1. */
  frame(page: PageNumber): Frame {
    const chunk = this.chunks.get(Math.floor(page / extentPages));
    return chunk === undefined ? -1 : chunk.frames[page & chunkMask];
  }

  isDirty(page: PageNumber): boolean {
    const chunk = this.chunks.get(Math.floor(page / extentPages));
    return chunk !== undefined && ((chunk.dirty >>> (page & chunkMask)) & 1) === 1;
  }

  /** Give a page a frame that it did not have. */
  set(page: PageNumber, frame: Frame, dirty: boolean): void {
    const key = Math.floor(page / extentPages);
    let chunk = this.chunks.get(key);
    if (chunk === undefined) {
      chunk = new PageChunk();
      this.chunks.set(key, chunk);
    }
    const at = page & chunkMask;
    chunk.frames[at] = frame;
    chunk.present++;
    if (dirty) {
      chunk.dirty |= 1 << at;
      this.dirtyCount++;
    } else {
      this.cleanCount++;
    }
  }

  /** A clean page becomes dirty; true if it was clean. */
  markDirty(page: PageNumber): boolean {
    const chunk = this.chunks.get(Math.floor(page / extentPages));
    const bit = 1 << (page & chunkMask);
    if (chunk === undefined || (chunk.dirty & bit) !== 0) return false;
    chunk.dirty |= bit;
    this.dirtyCount++;
    this.cleanCount--;
    return true;
  }

  /** Forget a page; its frame passes to the caller. -1 if it was not in memory. */
  remove(page: PageNumber): Frame {
    const key = Math.floor(page / extentPages);
    const chunk = this.chunks.get(key);
    if (chunk === undefined) return -1;
    const at = page & chunkMask;
    const frame = chunk.frames[at];
    if (frame < 0) return -1;
    const bit = 1 << at;
    if ((chunk.dirty & bit) !== 0) {
      chunk.dirty &= ~bit;
      this.dirtyCount--;
    } else {
      this.cleanCount--;
    }
    chunk.frames[at] = -1;
    if (--chunk.present === 0) this.chunks.delete(key);
    return frame;
  }

  /** Numbers of the chunks that hold dirty pages, ascending. */
  dirtyChunks(): number[] {
    const keys: number[] = [];
    for (const [key, chunk] of this.chunks) if (chunk.dirty !== 0) keys.push(key);
    return keys.sort((a, b) => a - b);
  }

  /** Numbers of the clean pages, in no order. */
  cleanPages(): PageNumber[] {
    const pages: PageNumber[] = [];
    for (const [key, chunk] of this.chunks) {
      for (let i = 0; i < extentPages; i++) {
        if (chunk.frames[i] >= 0 && ((chunk.dirty >>> i) & 1) === 0) pages.push(key * extentPages + i);
      }
    }
    return pages;
  }

  /** Lowest dirty page that batch number `batch` of a flush does not take, or Infinity. */
  lowestDirtyOutside(batch: number): PageNumber {
    let lowest = Number.POSITIVE_INFINITY;
    for (const [key, chunk] of this.chunks) {
      if (chunk.dirty === 0 || chunk.batch === batch) continue;
      const page = key * extentPages + (31 - Math.clz32(chunk.dirty & -chunk.dirty));
      if (page < lowest) lowest = page;
    }
    return lowest;
  }

  /** First dirty page at or after `from`, or Infinity. */
  nextDirty(from: PageNumber): PageNumber {
    let lowest = Number.POSITIVE_INFINITY;
    const least = Math.floor(from / extentPages);
    for (const [key, chunk] of this.chunks) {
      if (key < least || key * extentPages >= lowest) continue;
      const dirty = key === least ? chunk.dirty & (-1 << (from & chunkMask)) : chunk.dirty;
      if (dirty !== 0) lowest = key * extentPages + (31 - Math.clz32(dirty & -dirty));
    }
    return lowest;
  }

  /** Call `drop` for each page in memory from `first` up to, not including, `end`, forgetting it. */
  removeRange(first: PageNumber, end: PageNumber, drop: (frame: Frame, wasDirty: boolean) => void): void {
    for (const [key, chunk] of this.chunks) {
      const base = key * extentPages;
      if (base + extentPages <= first || base >= end) continue;
      const from = Math.max(0, first - base);
      const to = Math.min(extentPages, end - base);
      for (let i = from; i < to && chunk.present > 0; i++) {
        if (chunk.frames[i] < 0) continue;
        const wasDirty = ((chunk.dirty >>> i) & 1) === 1;
        drop(this.remove(base + i), wasDirty);
      }
    }
  }
}
