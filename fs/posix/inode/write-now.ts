/**
 * Writing in mode `data`: a write is a batch like any other operation, with its pages appended to the log where they
 * stay. Nothing of it waits in memory, so that the order of batches is the order of operations, contents included.
 *
 * What can suspend comes first: a write whose bytes are in memory but not in the tree would be seen by others and yet
 * come after what they do next.
 */
import { itemKind } from '../../format/item.js';
import { type ByteOffset, pageSize } from '../../units.js';
import { touchModified } from './attributes.js';
import type { Context } from './context.js';
import { mappedPages } from './extent-map.js';
import { writeFile } from './file-write.js';
import { mostAtOnce } from './flush.js';
import type { Inode } from './inode.js';
import { flushNow } from './steps.js';

/** Pages beside those written: the first of an inline file that gets others, and the one at the old end of the file. */
const besides = 2;

/**
 * Write as much of `data` as one batch takes: 1 MiB, or what there are places for without waiting, at least 30 pages.
 * Returns how many bytes. Throws Suspend, EFBIG, ENOSPC, EIO before any change.
 */
export function writeNow(context: Context, inode: Inode, offset: ByteOffset, data: Uint8Array): number {
  const { volume } = context;
  const most = Math.min(mostAtOnce, volume.pagesAtOnce) - besides;
  const part = data.subarray(0, most * pageSize - (offset % pageSize));
  const first = Math.floor(offset / pageSize);
  const last = Math.floor((offset + part.length - 1) / pageSize);
  const { number } = inode;
  const keys = [
    { inode: number, kind: itemKind.inode, offset: 0 },
    { inode: number, kind: itemKind.extent, offset: first },
    { inode: number, kind: itemKind.extent, offset: last },
  ];
  volume.prepare(keys, last - first + 1 + besides, false);
  if (inode.record.pages > 0) mappedPages(volume, number, first, last, undefined);
  writeFile(context, inode, offset, part);
  touchModified(inode, volume.now());
  flushNow(context, inode);
  return part.length;
}
