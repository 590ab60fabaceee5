/**
 * Changing pages of transformed units. A unit is stored as a whole, so one whose pages change in part is written anew:
 * its other pages come into memory, dirty, with the change.
 *
 * Invariants
 * 1. If one of a unit's pages is dirty, or one between them, all that the file has of it are. So a flush meets whole units,
 *    needs to read none, and finds space reserved for what it writes.
 */
import { inodeFlag } from '../../format/item.js';
import type { PageNumber } from '../../units.js';
import type { Context } from './context.js';
import { ExtentCursor } from './extent-map.js';
import { loadPage } from './file-load.js';
import type { Inode } from './inode.js';

const nothing: readonly PageNumber[] = [];

/** Most pages that one change of two runs of pages brings along. */
export const mostAlong = 3 * 31;

/**
 * Pages that must become dirty when those from `first` to `last` (included) do: the others of the units there. They are
 * in memory when it returns. Throws Suspend, EIO.
 */
export function alongWith(context: Context, inode: Inode, first: PageNumber, last: PageNumber): readonly PageNumber[] {
  if ((inode.record.flags & inodeFlag.units) === 0) return nothing;
  let along: PageNumber[] | undefined;
  for (const page of first === last ? [first] : [first, last]) {
    const cursor = new ExtentCursor(context.volume, inode.number);
    if (!cursor.find(page) || cursor.first > page || cursor.transform === 0) continue;
    if (page === last && first !== last && cursor.first <= first) continue;
    const { first: begin, end, present } = cursor;
    for (let at = begin; at < end; at++) {
      if ((at >= first && at <= last) || ((present >>> (at - begin)) & 1) === 0 || inode.pages?.isDirty(at)) continue;
      loadPage(context, inode, at);
      along ??= [];
      along.push(at);
    }
  }
  return along ?? nothing;
}
