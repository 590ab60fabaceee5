/**
 * What a step of a flush hands to the log, and the extents that this makes. Here: pages as they are. Units are made in
 * unit-write.ts.
 *
 * Invariants
 * 1. Frames belong to the log until it has written them, and to the file until the batch was applied: they are free when
 *    both have come to pass.
 */
import type { Frame } from '../../cache/page-frames.js';
import { checksum } from '../../format/checksum.js';
import { itemKind } from '../../format/item.js';
import { extentPages, type PageNumber } from '../../units.js';
import type { PageRun } from '../../volume/api.js';
import type { Context } from './context.js';
import { extentChecksum, plainExtent } from './extent-value.js';
import type { Inode } from './inode.js';
import type { InodeEdit } from './inode-edit.js';

/** Most pages in one step of a sweep that shall need one step: a write of 1 MiB that lies across pages, and two more. */
export const mostAtOnce = 259;
const pageSums = new Uint32Array(mostAtOnce);

/** One step's worth. */
export class FlushedPages {
  /** Keys of the new extents. */
  readonly starts = new Set<PageNumber>();
  /** Pages as stored. */
  stored = 0;
  private readonly frames: Frame[] = [];
  private readonly counts: number[] = [];
  private applied = false;
  private outstanding = 0;
  /** The log has written what one append handed to it. */
  readonly done = (): void => {
    this.outstanding--;
    this.release();
  };

  constructor(
    readonly context: Context,
    readonly inode: Inode,
    readonly edit: InodeEdit,
  ) {}

  /** Pieces of memory that hold the pages from `first` to `end` (not included), which are flushed. */
  take(first: PageNumber, end: PageNumber): Uint8Array[] {
    const { frames } = this.context;
    const { pages } = this.inode;
    const buffers: Uint8Array[] = [];
    let start = -1;
    let count = 0;
    const piece = (): void => {
      buffers.push(frames.slice(start, count));
      this.frames.push(start);
      this.counts.push(count);
    };
    for (let page = first; page < end; page++) {
      const frame = pages?.frame(page) ?? -1;
      if (count > 0 && frame === start + count && frames.sameSlab(start, frame)) {
        count++;
        continue;
      }
      if (count > 0) piece();
      start = frame;
      count = 1;
    }
    piece();
    return buffers;
  }

  /** An append was made that will call `done`. */
  began(): void {
    this.outstanding++;
  }

  /** An extent of the step: its pages become live with its batch. */
  put(page: PageNumber, value: Uint8Array, run: PageRun): void {
    this.edit.batch.put(this.inode.number, itemKind.extent, page, value);
    this.edit.batch.claim(run.address, run.pages, this.context.volume.generation, extentChecksum(value));
    this.starts.add(page);
    this.stored += run.pages;
  }

  /** The batch was applied. */
  takenOver(): void {
    this.applied = true;
    this.release();
  }

  private release(): void {
    if (!this.applied || this.outstanding > 0) return;
    for (let i = 0; i < this.frames.length; i++) this.context.frames.release(this.frames[i], this.counts[i]);
    this.frames.length = 0;
  }
}

/** Append pages as they are: extents cut where the file's are aligned, and where a run in the log ends. */
export function appendPages(flushed: FlushedPages, first: PageNumber, end: PageNumber): void {
  const { context, inode } = flushed;
  const { volume, frames } = context;
  for (let page = first; page < end; page++) {
    pageSums[page - first] = checksum(frames.view(inode.pages?.frame(page) ?? -1));
  }
  const buffers = flushed.take(first, end);
  flushed.began();
  const birth = volume.generation;
  let page = first;
  for (const run of volume.appendData(inode.number, first, buffers, flushed.done)) {
    for (let at = 0; at < run.pages; ) {
      const count = Math.min(run.pages - at, extentPages - (page % extentPages));
      const address = run.address + at;
      flushed.put(page, plainExtent(address, birth, count, pageSums, page - first), { address, pages: count });
      page += count;
      at += count;
    }
  }
}
