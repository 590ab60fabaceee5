/**
 * Making a range of a file read as zeros: whole pages become holes, and of pages at its edges a part is zeroed in
 * memory. Serves fallocate and copy_file_range, in two halves:
 *
 * 1. `zeroEdges` needs space for the pages at the edges. It does all of its work in one stretch, or none: so a full
 *    volume answers ENOSPC before a byte has changed.
 * 2. `punch` takes the whole pages away, in bounded batches that give space back and so can't fail for want of it. A
 *    crash between two of them leaves a part of the range punched.
 */
import { itemKind } from '../../format/item.js';
import { Suspend } from '../../suspend.js';
import { type ByteOffset, type PageNumber, pageSize } from '../../units.js';
import type { Credentials } from '../api.js';
import type { Context } from './context.js';
import { ExtentCut } from './extent-map.js';
import { makeDirty, pagesAtEnd } from './file-write.js';
import type { Inode } from './inode.js';
import { InodeEdit } from './inode-edit.js';
import { reclaimStep } from './reclaim.js';
import type { Steps } from './steps.js';

/**
 * Zero what the range from `offset` to `end` has of pages that it covers in part, and make the file as long as
 * `size`, in memory, if it is shorter. Throws Suspend, ENOSPC, EDQUOT, EIO before any change. The caller sets times.
 */
export function zeroEdges(
  context: Context,
  inode: Inode,
  offset: ByteOffset,
  end: ByteOffset,
  size = 0,
  who?: Credentials,
): void {
  if (inode.cutting !== undefined) throw new Suspend(inode.cutting, 'truncation');
  const grows = size > inode.record.size;
  const edges = edgesOf(offset, Math.min(end, inode.record.size), end);
  const pages = new Set(edges.map(({ page }) => page));
  // The page at the old end is among those at the edges if the range begins in it or ends behind it.
  if (grows) for (const page of pagesAtEnd(inode)) pages.add(page);
  makeDirty(context, inode, [...pages], who);
  for (const { page, from, to } of edges) {
    const frame = inode.pages?.frame(page) ?? -1;
    if (frame >= 0) context.frames.view(frame).fill(0, from, to);
  }
  if (grows) inode.record.size = size;
}

/** A part of a page: bytes `from` to `to`, counted from its start. */
interface Edge {
  readonly page: PageNumber;
  readonly from: number;
  readonly to: number;
}

/** Parts of pages, at most two, of a range that ends at `end`, up to `stop`. */
function edgesOf(offset: ByteOffset, stop: ByteOffset, end: ByteOffset): Edge[] {
  const first = Math.ceil(offset / pageSize);
  const last = Math.floor(end / pageSize);
  const part = (from: ByteOffset, to: ByteOffset): Edge[] => {
    const page = Math.floor(from / pageSize);
    return from < to ? [{ page, from: from - page * pageSize, to: to - page * pageSize }] : [];
  };
  if (first > last) return part(offset, stop);
  return [...part(offset, Math.min(stop, first * pageSize)), ...part(last * pageSize, stop)];
}

/** Take away the whole pages of the range. Throws EIO. */
export function* punch(context: Context, inode: Inode, offset: ByteOffset, end: ByteOffset): Steps {
  const last = Math.floor(end / pageSize);
  for (let page = Math.ceil(offset / pageSize); page < last; ) page = yield () => punchStep(context, inode, page, last);
}

/** Take extents, an inline item and pages in memory from a part of the range; returns the page to go on with. */
function punchStep(context: Context, inode: Inode, first: PageNumber, end: PageNumber): PageNumber {
  if (inode.gone) return end;
  if (inode.cutting !== undefined) throw new Suspend(inode.cutting, 'truncation');
  let reached = end;
  const edit = new InodeEdit(context);
  const { batch } = edit;
  batch.frees = true;
  if (inode.record.pages > 0) {
    const cut = new ExtentCut(context.volume, inode.number, batch);
    reached = cut.cut(first, end, reclaimStep);
    cut.finish();
    for (const page of cut.removed) batch.delete(inode.number, itemKind.extent, page);
    edit.record(inode).pages -= cut.pages;
  } else if (first === 0 && inode.mayBeInline) {
    if (context.volume.get(inode.number, itemKind.inline, 0) !== undefined)
      batch.delete(inode.number, itemKind.inline, 0);
  }
  if (batch.entries > 0) {
    edit.apply();
    inode.mapVersion++;
  }
  context.writeback.dropPages(inode, first, reached);
  context.writeback.note(inode);
  return reached;
}
