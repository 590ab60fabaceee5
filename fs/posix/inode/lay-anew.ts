/**
 * Pages that were read join the next flush as they are, which lays them in one piece. Serves `varve defrag` and the
 * mount option `autodefrag`.
 *
 * To the rest of the filesystem this is a write of the same bytes that no time stamp tells of: pages become dirty, with
 * space reserved, and the flush puts new extents and releases the old pages in one batch. So a crash at any point leaves
 * the file as it was or as it will be, with the same contents.
 *
 * Invariants
 * 1. Bytes are taken only while the extents are those from which they were read; where a page is dirty, what is in
 *    memory is newer and stays.
 * 2. Holes and reserved extents stay what they are.
 */
import { Suspend } from '../../suspend.js';
import { type ByteOffset, type PageNumber, pageSize } from '../../units.js';
import type { Context } from './context.js';
import { ExtentCursor } from './extent-map.js';
import { writeFile } from './file-write.js';
import type { Inode } from './inode.js';
import { writeNow } from './write-now.js';

/**
 * Make the stored pages from `first` on dirty, with `bytes` as their contents. False: the file has changed since it
 * had `mapVersion`, nothing was done. `held`: also those that a snapshot holds. Returns the pages that became dirty.
 * Throws Suspend and FsError; may then be begun again.
 */
export function dirtyAsRead(
  context: Context,
  inode: Inode,
  first: PageNumber,
  bytes: Uint8Array,
  mapVersion: number,
  held: boolean,
): number | false {
  if (inode.gone || inode.mapVersion !== mapVersion) return false;
  if (inode.cutting !== undefined) throw new Suspend(inode.cutting, 'truncation');
  const { size } = inode.record;
  const end = Math.min(first + Math.ceil(bytes.length / pageSize), Math.ceil(size / pageSize));
  let pages = 0;
  for (const [from, to] of cleanRuns(context, inode, first, end, held)) {
    const last = Math.min(to * pageSize, size, first * pageSize + bytes.length);
    rewrite(context, inode, from * pageSize, bytes.subarray((from - first) * pageSize, last - first * pageSize));
    pages += to - from;
  }
  return pages;
}

/** In mode `data` nothing may wait in memory: what is written next shall need no more than its own batch. */
function rewrite(context: Context, inode: Inode, offset: ByteOffset, bytes: Uint8Array): void {
  if (context.volume.journal !== 'data') writeFile(context, inode, offset, bytes);
  else
    for (let done = 0; done < bytes.length; )
      done += writeNow(context, inode, offset + done, bytes.subarray(done), false);
}

/** Runs of stored pages that are not dirty. May throw Suspend. */
function cleanRuns(
  { volume }: Context,
  inode: Inode,
  first: PageNumber,
  end: PageNumber,
  held: boolean,
): readonly (readonly [PageNumber, PageNumber])[] {
  const runs: [PageNumber, PageNumber][] = [];
  const cursor = new ExtentCursor(volume, inode.number);
  for (let more = cursor.find(first); more && cursor.first < end; more = cursor.next()) {
    if (!held && cursor.birth <= volume.heldGeneration) continue;
    for (let page = Math.max(first, cursor.first); page < Math.min(end, cursor.end); page++) {
      if (!cursor.holds(page) || inode.pages?.isDirty(page)) continue;
      const last = runs.at(-1);
      if (last !== undefined && last[1] === page) last[1]++;
      else runs.push([page, page + 1]);
    }
  }
  return runs;
}
