/**
 * Flushing: dirty pages of a file get an address in the log and an extent in the tree. Serves fsync, commits and
 * the background writeback.
 *
 * A step takes up to 256 dirty pages in ascending order, appends them and applies one batch: the new extents, what
 * is left of those they overlap, the pages that become live and those that are released, and the inode record.
 * A small file without extents goes into one inline item instead.
 *
 * Invariants
 * 1. Each batch leaves a consistent file: a crash between two steps loses pages, never mixes them up.
 * 2. A step that makes the file longer leaves no dirty page behind below its own: a sweep that finds one begins
 *    anew. So the tree has no pages beyond the size that it knows, and the page at the old end of the file, dirty
 *    since its stale tail was zeroed, is there before the file is longer.
 * 3. A file has an inline item or extents, never both: page 0 is dirty whenever an inline file has dirty pages, and
 *    the batch with its extent deletes the inline item.
 * 4. Nothing suspends between `appendData` and `apply`: `prepare` has brought in all keys that the batch can touch.
 *    New extents start within runs of dirty pages whose first and last page and all extents in between are among them.
 */
import { itemKind } from '../../format/item.js';
import { maxEntries } from '../../tree/batch.js';
import { extentPages, type InodeNumber, type PageNumber, pageSize } from '../../units.js';
import { appendPages, FlushedPages, mostAtOnce } from './append-pages.js';
import type { Context } from './context.js';
import { ExtentCut } from './extent-map.js';
import { type Inode, inlineBytes } from './inode.js';
import { InodeEdit } from './inode-edit.js';
import { valueOfBytes } from './item-bytes.js';
import { appendUnits, chainOf, unitSpare } from './unit-write.js';

/** Most pages in one step. */
const stepPages = 256;
/** Entries kept free for inode, inline item and extents that end early because a segment of the log does. */
const spareEntries = 48;

/** One pass over the chunks that are dirty when it begins. */
export class FlushSweep {
  chunks: readonly number[] = [];
  next = 0;

  constructor(
    inode: Inode,
    /** In as few batches as there are places for now. */
    readonly atOnce = false,
  ) {
    this.restart(inode);
  }

  restart(inode: Inode): void {
    this.chunks = inode.pages?.dirtyChunks() ?? [];
    this.next = 0;
  }
}

let lastBatch = 0;

/** One step of a sweep; false when the sweep is at its end. Restartable. */
export function flushStep(context: Context, inode: Inode, sweep: FlushSweep): boolean {
  if (inode.gone) return false;
  const { pages } = inode;
  if (pages === undefined || pages.dirtyCount === 0) {
    if (inode.attributesDirty) {
      const edit = new InodeEdit(context);
      edit.batch.frees = true;
      edit.setFlushedSize(inode, edit.record(inode).size);
      edit.apply();
    }
    return false;
  }
  const small = inode.record.pages === 0 && inode.record.size <= inlineBytes;
  if (small && !inode.wantsExtents) return flushInline(context, inode);
  const wasInline = inode.mayBeInline && context.volume.get(inode.number, itemKind.inline, 0) !== undefined;
  if (wasInline && sweep.next > 0) sweep.restart(inode);
  return flushExtents(context, inode, sweep, wasInline);
}

function flushInline(context: Context, inode: Inode): boolean {
  const frame = inode.pages?.frame(0) ?? -1;
  const { size } = inode.record;
  const edit = new InodeEdit(context);
  edit.batch.frees = true;
  edit.setFlushedSize(inode, size);
  if (frame >= 0)
    edit.batch.put(inode.number, itemKind.inline, 0, valueOfBytes(context.frames.view(frame).subarray(0, size)));
  edit.apply();
  context.writeback.dropPages(inode, 0, Number.POSITIVE_INFINITY);
  context.writeback.note(inode);
  return false;
}

/** Runs of dirty pages that one batch takes. */
interface DirtyRuns {
  readonly first: PageNumber[];
  /** Page after the last. */
  readonly end: PageNumber[];
  pages: number;
}

function flushExtents(context: Context, inode: Inode, sweep: FlushSweep, wasInline: boolean): boolean {
  const { volume } = context;
  const edit = new InodeEdit(context);
  const cut = new ExtentCut(volume, inode.number, edit.batch);
  lastBatch = (lastBatch + 1) | 0;
  const taken: DirtyRuns = { first: [], end: [], pages: 0 };
  const chain = chainOf(context, inode);
  const places = sweep.atOnce ? Math.min(mostAtOnce, volume.pagesAtOnce) : Math.min(stepPages, volume.mostPages);
  const spare = chain === undefined ? 0 : unitSpare(places);
  const most = sweep.atOnce ? places : places - spare;
  const next = takeRuns(inode, sweep, cut, taken, most);
  if (taken.pages === 0) return false;
  const end = taken.end[taken.end.length - 1] * pageSize;
  if (end > inode.flushedSize && (inode.pages?.lowestDirtyOutside(lastBatch) ?? 0) * pageSize < end) {
    sweep.restart(inode);
    return true;
  }

  const keys: { inode: InodeNumber; kind: number; offset: number }[] = [
    { inode: inode.number, kind: itemKind.inode, offset: 0 },
  ];
  if (wasInline) keys.push({ inode: inode.number, kind: itemKind.inline, offset: 0 });
  for (const offset of cut.removed) keys.push({ inode: inode.number, kind: itemKind.extent, offset });
  for (const item of edit.batch.items) keys.push({ inode: inode.number, kind: itemKind.extent, offset: item.offset });
  for (let i = 0; i < taken.first.length; i++) {
    keys.push({ inode: inode.number, kind: itemKind.extent, offset: taken.first[i] });
    keys.push({ inode: inode.number, kind: itemKind.extent, offset: taken.end[i] - 1 });
  }
  volume.prepare(keys, taken.pages + spare, false);

  const flushed = new FlushedPages(context, inode, edit);
  for (let i = 0; i < taken.first.length; i++) {
    if (chain === undefined) appendPages(flushed, taken.first[i], taken.end[i]);
    else appendUnits(flushed, chain, taken.first[i], taken.end[i]);
  }
  for (const page of cut.removed) {
    if (!flushed.starts.has(page)) edit.batch.delete(inode.number, itemKind.extent, page);
  }
  if (wasInline) edit.batch.delete(inode.number, itemKind.inline, 0);
  edit.record(inode).pages += flushed.stored - cut.pages;
  const rest = (inode.pages?.dirtyCount ?? 0) - taken.pages;
  const { size } = inode.record;
  edit.setFlushedSize(inode, rest === 0 ? size : Math.max(inode.flushedSize, Math.min(size, end)));
  edit.apply();

  for (let i = 0; i < taken.first.length; i++) {
    for (let page = taken.first[i]; page < taken.end[i]; page++) inode.pages?.remove(page);
  }
  inode.mapVersion++;
  context.writeback.forgetDirty(inode, taken.pages);
  context.writeback.note(inode);
  flushed.takenOver();
  sweep.next = next;
  return next < sweep.chunks.length;
}

/** Choose runs until the step is full, cutting their pages out of the extents. Returns the chunk to begin with next. */
function takeRuns(inode: Inode, sweep: FlushSweep, cut: ExtentCut, taken: DirtyRuns, mostPages: number): number {
  const { pages } = inode;
  let index = sweep.next;
  for (; index < sweep.chunks.length; index++) {
    const key = sweep.chunks[index];
    const chunk = pages?.chunks.get(key);
    if (chunk === undefined || chunk.dirty === 0) continue;
    chunk.batch = lastBatch;
    let left = chunk.dirty;
    while (left !== 0) {
      const at = 31 - Math.clz32(left & -left);
      let end = at + 1;
      while (end < extentPages && ((left >>> end) & 1) === 1) end++;
      left = end === extentPages ? 0 : left & (-1 << end);
      // A run of n pages: at most n extents gone and released, two kept in part, three new with their claims.
      const worst = 2 * (end - at) + 10;
      if (taken.pages + end - at > mostPages) return finishRuns(cut, index);
      if (cut.entries + 2 * taken.first.length + worst > maxEntries - spareEntries) return finishRuns(cut, index);
      takeRun(key * extentPages + at, key * extentPages + end, cut, taken);
    }
  }
  return finishRuns(cut, index);
}

function finishRuns(cut: ExtentCut, index: number): number {
  cut.finish();
  return index;
}

function takeRun(first: PageNumber, end: PageNumber, cut: ExtentCut, taken: DirtyRuns): void {
  cut.cut(first, end);
  taken.pages += end - first;
  const last = taken.end.length - 1;
  if (last >= 0 && taken.end[last] === first) {
    taken.end[last] = end;
  } else {
    taken.first.push(first);
    taken.end.push(end);
  }
}
