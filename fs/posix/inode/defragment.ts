/**
 * Defragmentation of a file, a bounded step at a time: parts in short pieces are read and laid anew. Serves `varve
 * defrag`, which asks for one step after another and keeps where it is; nothing is remembered here, so it may stop
 * anywhere, and to begin again finds what is left.
 */
import { FsError } from '../../errors.js';
import { run, Suspend } from '../../suspend.js';
import { type InodeNumber, type PageNumber, pageSize } from '../../units.js';
import type { Context } from './context.js';
import { readFile } from './file-read.js';
import type { Inode } from './inode.js';
import { dirtyAsRead } from './lay-anew.js';
import { type Range, scatteredRanges } from './pieces.js';

export interface DefragmentOptions {
  /** Page to begin with; 0, or `next` of the step before. */
  readonly from: PageNumber;
  /** Pieces of so many pages stay as they are. */
  readonly leastPages: number;
  /** About so many pages are laid anew, at least 1. */
  readonly mostPages: number;
  /** Also pages that a snapshot holds: they are then stored twice. */
  readonly held: boolean;
  /** All of the file, in however few pieces it lies: what happens to new data then happens to it. */
  readonly all: boolean;
  /** Only look. */
  readonly dry: boolean;
}

export interface DefragmentStep {
  /** Page to go on with; undefined: the file is done. */
  readonly next: PageNumber | undefined;
  /** Laid anew, or to be. */
  readonly pages: number;
  /** In which those pages lay. */
  readonly pieces: number;
  /** Pages in short pieces that were left because a snapshot holds them. */
  readonly held: number;
}

/** A volume with less free space than this share of it, and than one step, is not defragmented. */
const leastFree = 1 / 64;
/** A file that is written that often meanwhile will be laid anew by its writers. */
const mostAttempts = 5;
/** Most pages in memory at once; less where memory is small, and in mode `data`, where they are to be one batch. */
const mostWindow = 1024;
const mostWindowNow = 250;
const nothing: DefragmentStep = { next: undefined, pages: 0, pieces: 0, held: 0 };

/** One step. Throws ESTALE when the inode is gone, EROFS, EIO, and ENOSPC when the volume is too full. */
export async function defragment(
  context: Context,
  number: InodeNumber,
  options: DefragmentOptions,
): Promise<DefragmentStep> {
  const { volume } = context;
  volume.mustBeWritable('defragment');
  const inode = await context.inodes.keep(number, 'defragment');
  try {
    if (!inode.isRegular || inode.record.pages === 0) return nothing;
    const look = () => scatteredRanges(volume, number, options);
    const { ranges, held, next } = await run(look);
    let [pages, pieces] = [0, 0];
    const until = (stop: PageNumber | undefined): DefragmentStep => {
      const passed = held.filter(({ first }) => stop === undefined || first < stop);
      return { next: stop, pages, pieces, held: passed.reduce((sum, one) => sum + one.pages, 0) };
    };
    for (const range of ranges) {
      if (pages >= options.mostPages) return until(range.first);
      const end = options.dry ? range.end : await layAnew(context, inode, range, options, options.mostPages - pages);
      const share = (end - range.first) / (range.end - range.first);
      pages += Math.round(range.pages * share);
      pieces += Math.round(range.pieces * share);
      if (end < range.end) return until(end);
    }
    return until(next);
  } finally {
    inode.busy--;
  }
}

/** Lay the range anew, or as much of it as may be; returns the page after the last. */
export async function layAnew(
  context: Context,
  inode: Inode,
  range: Range,
  { held }: Pick<DefragmentOptions, 'held'>,
  most: number,
): Promise<PageNumber> {
  const { writeback, frames, volume } = context;
  const window = Math.max(1, Math.min(volume.journal === 'data' ? mostWindowNow : mostWindow, frames.limit >> 4));
  const buffer = new Uint8Array(Math.min(window, range.end - range.first) * pageSize);
  const end = Math.min(range.end, range.first + Math.max(window, most));
  for (let first = range.first; first < end; ) {
    const { available, capacity } = volume.statistics();
    if (available < Math.max(2 * window, capacity * leastFree)) throw new FsError('ENOSPC', 'defragment', inode.number);
    const count = Math.min(window, end - first);
    await join(context, inode, first, buffer.subarray(0, count * pageSize), held);
    await writeback.flush(inode);
    await context.breathe();
    first += count;
  }
  return end;
}

/** Read the pages and make them dirty; a few times again if the file changed meanwhile. */
async function join(
  context: Context,
  inode: Inode,
  first: PageNumber,
  bytes: Uint8Array,
  held: boolean,
): Promise<void> {
  let done: number | false = false;
  for (let attempt = 0; attempt < mostAttempts && done === false && !inode.gone; attempt++) {
    await run(() => {
      // What is cut now may end within these pages.
      if (inode.cutting !== undefined) throw new Suspend(inode.cutting, 'truncation');
    });
    const { mapVersion } = inode;
    await run(() => readFile(context, inode, first * pageSize, bytes));
    done = await run(() => dirtyAsRead(context, inode, first, bytes, mapVersion, held));
  }
}
