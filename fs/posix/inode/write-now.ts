/**
 * Writing in mode `data`: a write is a batch like any other operation, with its pages appended to the log where they
 * stay. Nothing of it waits in memory, so that the order of batches is the order of operations, contents included.
 *
 * What can suspend comes first: a write whose bytes are in memory but not in the tree would be seen by others and yet
 * come after what they do next.
 */
import { FsError } from '../../errors.js';
import { inodeFlag, itemKind } from '../../format/item.js';
import { type ByteOffset, pageSize } from '../../units.js';
import type { Credentials } from '../api.js';
import { mostAtOnce } from './append-pages.js';
import { touchModified } from './attributes.js';
import type { Context } from './context.js';
import { mappedPages } from './extent-map.js';
import { writeFile } from './file-write.js';
import type { Inode } from './inode.js';
import { flushNow } from './steps.js';
import { mostAlong } from './unit-change.js';

/**
 * Pages beside those written: the first of an inline file that gets others, the one at the old end of the file, and the
 * others of units that change in part.
 */
const besides = ({ record }: Inode): number => ((record.flags & inodeFlag.units) === 0 ? 2 : 2 + mostAlong);

/**
 * Write as much of `data` as one batch takes: 1 MiB, or on a full volume what there are places for, at least 30 pages.
 * Returns how many bytes. `modifies`: the times say so. `who`: as for \`writeFile\`. Throws Suspend, EFBIG, ENOSPC, EDQUOT, EIO before any change; EIO also when the store refuses these
 * very pages: then they stay in memory, of a volume that has failed.
 */
export function writeNow(
  context: Context,
  inode: Inode,
  offset: ByteOffset,
  data: Uint8Array,
  modifies = true,
  who?: Credentials,
): number {
  const { volume } = context;
  let part = upTo(mostAtOnce - besides(inode), offset, data);
  try {
    prepare(context, inode, offset, part.length);
  } catch (e) {
    if (!(e instanceof FsError && e.code === 'ENOSPC')) throw e;
    // So many places can't be had at once; the caller comes again with the rest.
    part = upTo(Math.max(1, Math.min(mostAtOnce, volume.pagesAtOnce) - besides(inode)), offset, data);
    prepare(context, inode, offset, part.length);
  }
  writeFile(context, inode, offset, part, who);
  if (modifies) touchModified(inode, volume.now());
  flushNow(context, inode);
  return part.length;
}

export const upTo = (pages: number, offset: ByteOffset, data: Uint8Array): Uint8Array =>
  data.subarray(0, pages * pageSize - (offset % pageSize));

/** Places, and all nodes that the write touches. */
function prepare({ volume }: Context, inode: Inode, offset: ByteOffset, length: number): void {
  const { number } = inode;
  const first = Math.floor(offset / pageSize);
  const last = Math.floor((offset + length - 1) / pageSize);
  const keys = [
    { inode: number, kind: itemKind.inode, offset: 0 },
    { inode: number, kind: itemKind.extent, offset: first },
    { inode: number, kind: itemKind.extent, offset: last },
  ];
  volume.prepare(keys, last - first + 1 + besides(inode), false);
  // Of a file without extents, too: the search for the one before these may lead to another leaf.
  mappedPages(volume, number, first, last, undefined);
}
