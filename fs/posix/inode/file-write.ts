/**
 * Writing file data: bytes are copied into frames and the file grows in memory; the log and the tree hear of it
 * when it is flushed. Serves write, copy_file_range, and changes of parts of pages.
 *
 * The order within a write keeps it restartable: bring in pages that change in part, make sure of frames, reserve
 * space, and only then, without another chance to suspend, copy.
 */
import { FsError } from '../../errors.js';
import { Suspend } from '../../suspend.js';
import { type ByteOffset, maxFileSize, type PageNumber, pageSize } from '../../units.js';
import type { Credentials } from '../api.js';
import type { Context } from './context.js';
import { mappedPages } from './extent-map.js';
import { loadPage } from './file-load.js';
import type { Inode } from './inode.js';
import { alongWith } from './unit-change.js';

/**
 * Write `data` at `offset`. Throws Suspend, EFBIG, ENOSPC, EIO, and EDQUOT if `who` asks for it, before any change.
 * The caller sets times.
 */
export function writeFile(
  context: Context,
  inode: Inode,
  offset: ByteOffset,
  data: Uint8Array,
  who?: Credentials,
): void {
  const end = offset + data.length;
  if (end > maxFileSize) throw new FsError('EFBIG', 'write', inode.number);
  if (inode.cutting !== undefined) throw new Suspend(inode.cutting, 'truncation');
  const first = Math.floor(offset / pageSize);
  const last = Math.floor((end - 1) / pageSize);
  const { size } = inode.record;

  if (offset > first * pageSize || end < Math.min(size, (first + 1) * pageSize)) loadPart(context, inode, first);
  if (last > first && end < Math.min(size, (last + 1) * pageSize)) loadPart(context, inode, last);
  // Pages besides those written: of an inline file that gets other pages, and at the old end of the file.
  const head = first > 0 && inode.mayBeInline && loadPage(context, inode, 0) ? 0 : -1;
  const tail = offset > size ? staleTail(context, inode, first) : -1;
  const along = unitsOf(context, inode, first, last, tail);

  const { pages } = inode;
  let fresh = 0;
  let newlyDirty = 0;
  for (let page = first; page <= last; page++) {
    if (pages === undefined || pages.frame(page) < 0) {
      fresh++;
      newlyDirty++;
    } else if (!pages.isDirty(page)) {
      newlyDirty++;
    }
  }
  if (head >= 0 && !pages?.isDirty(head)) newlyDirty++;
  if (tail >= 0 && tail !== head && !pages?.isDirty(tail)) newlyDirty++;
  newlyDirty += along.length;
  context.writeback.demandFrames(fresh);
  if (newlyDirty > 0) {
    admit(context, inode, first, last, tail, newlyDirty, who);
    reservePages(context, inode, first, last, tail, newlyDirty);
  }

  if (head >= 0) context.writeback.markDirty(inode, head);
  if (tail >= 0) context.writeback.markDirty(inode, tail);
  for (const page of along) context.writeback.markDirty(inode, page);
  copyIn(context, inode, offset, data, first, last);
  if (end > size) inode.record.size = end;
}

/** Pages that go along with those of a write, and with the one at the old end of the file. */
function unitsOf(
  context: Context,
  inode: Inode,
  first: PageNumber,
  last: PageNumber,
  tail: PageNumber,
): readonly PageNumber[] {
  const along = alongWith(context, inode, first, last);
  if (tail < 0) return along;
  const behind = alongWith(context, inode, tail, tail);
  if (behind.length === 0) return along;
  // The same unit may hold both.
  const all = new Set([...along, ...behind]);
  for (const page of all) if (page === tail || (page >= first && page <= last)) all.delete(page);
  return [...all];
}

/**
 * Make up to two pages dirty as they are, both or none. Those without contents read as zeros and are left out. Throws
 * Suspend, ENOSPC, EIO, and EDQUOT if `who` asks for it, before any change.
 */
export function makeDirty(context: Context, inode: Inode, pages: readonly PageNumber[], who?: Credentials): void {
  const filled = pages.filter((page) => loadPage(context, inode, page));
  const all = new Set(filled);
  for (const page of filled) for (const also of alongWith(context, inode, page, page)) all.add(also);
  const clean = [...all].filter((page) => !inode.pages?.isDirty(page));
  if (clean.length === 0) return;
  admit(context, inode, clean[0], clean[0], clean[1] ?? -1, clean.length, who);
  reservePages(context, inode, clean[0], clean[0], clean[1] ?? -1, clean.length);
  for (const page of clean) context.writeback.markDirty(inode, page);
}

/**
 * Pages to make dirty before the file becomes longer by other means than a write: the one at its end, so that stale
 * bytes behind the end never show.
 */
export const pagesAtEnd = ({ record: { size } }: Inode): readonly PageNumber[] =>
  size % pageSize === 0 ? [] : [Math.floor(size / pageSize)];

/** The page in which the file ends, now in memory, if a change from page `first` on leaves it as it is; else -1. */
function staleTail(context: Context, inode: Inode, first: PageNumber): PageNumber {
  const { size } = inode.record;
  const page = Math.floor(size / pageSize);
  if (size % pageSize === 0 || page >= first) return -1;
  return loadPage(context, inode, page) ? page : -1;
}

/** A page of which a part stays. Past the end of the file nothing stays. */
function loadPart(context: Context, inode: Inode, page: PageNumber): void {
  if (page * pageSize < inode.record.size) loadPage(context, inode, page);
}

function copyIn(
  context: Context,
  inode: Inode,
  offset: ByteOffset,
  data: Uint8Array,
  first: PageNumber,
  last: PageNumber,
): void {
  const { frames, writeback } = context;
  const end = offset + data.length;
  for (let page = first; page <= last; ) {
    const known = inode.pages === undefined ? -1 : inode.pages.frame(page);
    const from = Math.max(offset, page * pageSize);
    if (known >= 0) {
      const to = Math.min(end, (page + 1) * pageSize);
      writeback.markDirty(inode, page);
      frames.view(known).set(part(data, from - offset, to - offset), from - page * pageSize);
      page++;
      continue;
    }
    let missing = page + 1;
    while (missing <= last && (inode.pages === undefined || inode.pages.frame(missing) < 0)) missing++;
    const frame = frames.allocate(missing - page);
    const count = frames.run;
    const to = Math.min(end, (page + count) * pageSize);
    const bytes = frames.slice(frame, count);
    if (from > page * pageSize) bytes.fill(0, 0, from - page * pageSize);
    bytes.set(part(data, from - offset, to - offset), from - page * pageSize);
    if (to < (page + count) * pageSize) bytes.fill(0, to - page * pageSize);
    for (let i = 0; i < count; i++) writeback.addDirty(inode, page + i, frame + i);
    page += count;
  }
}

const part = (data: Uint8Array, from: number, to: number): Uint8Array =>
  from === 0 && to === data.length ? data : data.subarray(from, to);

/**
 * Reserve `count` pages: those from `first` to `last` that are not dirty, perhaps `tail`, perhaps the page of an
 * inline file. On a full volume: flush and commit once, then count which of them replace pages that the file has,
 * as overwriting shall still work.
 */
function reservePages(
  context: Context,
  inode: Inode,
  first: PageNumber,
  last: PageNumber,
  tail: PageNumber,
  count: number,
): void {
  const { volume } = context;
  try {
    volume.reserve(count);
    return;
  } catch (e) {
    if (!(e instanceof FsError && e.code === 'ENOSPC')) throw e;
  }
  context.writeback.makeRoom();
  volume.reserve(count, replacedPages(context, inode, first, last, tail));
}

/**
 * Of the pages from `first` to `last` that are not dirty, and perhaps `tail`, those that the file has; without those that a
 * snapshot holds from before `held`. May throw Suspend.
 */
function replacedPages(
  { volume }: Context,
  inode: Inode,
  first: PageNumber,
  last: PageNumber,
  tail: PageNumber,
  held = volume.heldGeneration,
): number {
  if (inode.record.pages === 0) return 0;
  const replaced = mappedPages(volume, inode.number, first, last, inode.pages, held);
  return tail < 0 ? replaced : replaced + mappedPages(volume, inode.number, tail, tail, inode.pages, held, first);
}

/** EDQUOT if `who` may not have so many pages more. What a snapshot holds is no longer the owner's once it is replaced. */
function admit(
  context: Context,
  inode: Inode,
  first: PageNumber,
  last: PageNumber,
  tail: PageNumber,
  count: number,
  who: Credentials | undefined,
): void {
  if (context.quotas === undefined || who === undefined) return;
  context.quotas.admitPages(inode, count, who, () => replacedPages(context, inode, first, last, tail, 0));
}
