/**
 * SEEK_DATA and SEEK_HOLE. Data is what was written: stored extents, an inline item, and pages in memory that are
 * dirty. Reserved extents are holes, as unwritten extents of ext4 are.
 */
import { FsError } from '../../errors.js';
import { type ByteOffset, type InodeNumber, type PageNumber, pageSize } from '../../units.js';
import { seek as whences } from '../api.js';
import type { Context } from './context.js';
import { ExtentCursor } from './extent-map.js';
import type { Inode } from './inode.js';

export function seekFile(context: Context, number: InodeNumber, offset: ByteOffset, whence: number): ByteOffset {
  const inode = context.inodes.get(number, 'seek');
  const { size } = inode.record;
  if (whence !== whences.data && whence !== whences.hole) throw new FsError('EINVAL', 'seek', number);
  if (offset < 0 || offset >= size) throw new FsError('ENXIO', 'seek', number);
  const page = Math.floor(offset / pageSize);
  if (whence === whences.data) {
    const data = nextData(context, inode, page) * pageSize;
    if (data >= size) throw new FsError('ENXIO', 'seek', number);
    return Math.max(offset, data);
  }
  return Math.max(offset, Math.min(size, nextHole(context, inode, page) * pageSize));
}

/** First page with data at or after `page`, or Infinity. May throw Suspend. */
export function nextData(context: Context, inode: Inode, page: PageNumber): PageNumber {
  if (!inode.isRegular) return page;
  if (page === 0 && inode.mayBeInline) return 0;
  const inMemory = inode.pages === undefined ? Number.POSITIVE_INFINITY : inode.pages.nextDirty(page);
  if (inMemory === page || inode.record.pages === 0) return inMemory;
  const cursor = new ExtentCursor(context.volume, inode.number);
  let more = cursor.find(page);
  for (; more && cursor.first < inMemory; more = cursor.next()) {
    if (cursor.address === 0) continue;
    let at = Math.max(page, cursor.first);
    while (at < cursor.end && !cursor.holds(at)) at++;
    if (at < cursor.end) return Math.min(inMemory, at);
  }
  return inMemory;
}

/** First page without data at or after `page`. May throw Suspend. */
export function nextHole(context: Context, inode: Inode, page: PageNumber): PageNumber {
  if (!inode.isRegular) return Number.POSITIVE_INFINITY;
  let at = page;
  if (at === 0 && inode.mayBeInline) at = 1;
  const cursor = new ExtentCursor(context.volume, inode.number);
  let more = inode.record.pages > 0 && cursor.find(at);
  for (;;) {
    while (more && cursor.end <= at) more = cursor.next();
    if (more && cursor.first <= at && cursor.transform === 0 && cursor.address !== 0) at = cursor.end;
    else if (more && cursor.first <= at && cursor.holds(at)) at++;
    else if (inode.pages?.isDirty(at)) at++;
    else return at;
  }
}
