/**
 * fallocate: keep space for a range, punch a hole into it, or zero it.
 *
 * Space is kept by reserved extents (address 0), for which the volume counts promised pages; a flush later takes
 * their place. All work goes in bounded batches: after a failure a part of the range may be reserved, or zeroed if
 * that was asked for as well, and the size is as it was, because it is set last. Punching alone does not fail half way
 * for want of space.
 */
import { FsError } from '../../errors.js';
import { itemKind } from '../../format/item.js';
import { run, Suspend } from '../../suspend.js';
import { type ByteOffset, type InodeNumber, maxFileSize, type PageNumber, pageSize } from '../../units.js';
import { type Credentials, fallocateFlag } from '../api.js';
import type { Context } from './context.js';
import { ExtentCursor } from './extent-map.js';
import { reservedExtent, reservedExtentPages } from './extent-value.js';
import { makeDirty } from './file-write.js';
import type { Inode } from './inode.js';
import { InodeEdit } from './inode-edit.js';
import { refuseFixed, refuseImmutable } from './inode-flags.js';
import { punch, zeroEdges } from './punch.js';
import { reclaimStep } from './reclaim.js';
import { killPrivileges } from './setattr.js';
import { doSteps, flushing, type Steps } from './steps.js';
import { resize } from './truncate.js';

const { keepSize, punchHole, zeroRange } = fallocateFlag;

export async function fallocate(
  context: Context,
  number: InodeNumber,
  mode: number,
  offset: ByteOffset,
  length: number,
  who: Credentials | undefined,
): Promise<void> {
  const punches = mode === (punchHole | keepSize);
  const zeroes = (mode & ~keepSize) === zeroRange;
  if (!punches && !zeroes && (mode & ~keepSize) !== 0) throw new FsError('EOPNOTSUPP', 'fallocate', number);
  if (offset < 0 || length <= 0) throw new FsError('EINVAL', 'fallocate', number);
  const end = offset + length;
  if (end > maxFileSize) throw new FsError('EFBIG', 'fallocate', number);
  context.volume.mustBeWritable('fallocate');
  const inode = await run(() => {
    const found = ready(context, number, mode);
    // Here and not after the wait: the table might forget it in between.
    found.busy++;
    return found;
  });
  try {
    if (who !== undefined && who.uid !== 0) await run(() => killPrivileges(context, inode, who));
    const size = punches || (mode & keepSize) !== 0 ? 0 : end;
    const clears = punches || zeroes;
    await doSteps(context, () => allocation(context, inode, { offset, end, size, clears, punches, who }));
  } finally {
    inode.busy--;
  }
}

/** What is asked for. */
interface Allocation {
  readonly offset: ByteOffset;
  readonly end: ByteOffset;
  /** The file shall be at least so long. */
  readonly size: ByteOffset;
  /** The range shall read as zeros. */
  readonly clears: boolean;
  /** And have no pages. */
  readonly punches: boolean;
  readonly who: Credentials | undefined;
}

function* allocation(context: Context, inode: Inode, asked: Allocation): Steps {
  const { offset, end, size, clears, punches, who } = asked;
  const first = Math.floor(offset / pageSize);
  const last = Math.ceil(end / pageSize);
  // Reads all extents of the range, before anything changes.
  yield () => holesIn(context, inode, first, last);
  if (!punches) {
    yield* settleInMemory(context, inode, who);
    yield () => mustHaveRoom(context, inode, holesIn(context, inode, first, last), who);
  }
  if (clears) {
    yield () => zeroEdges(context, inode, offset, end, 0, who);
    yield* punch(context, inode, offset, end);
  }
  if (!punches) {
    yield* settleInMemory(context, inode, who);
    for (let page = first; page < last; ) page = yield () => reserveStep(context, inode, page, last, who);
  }
  yield () => conclude(context, inode, size);
  if (context.volume.journal === 'data') yield flushing(context, inode);
}

function ready(context: Context, number: InodeNumber, mode: number): Inode {
  const inode = context.inodes.get(number, 'fallocate');
  if (inode.isDirectory) throw new FsError('EISDIR', 'fallocate', number);
  if (!inode.isRegular) throw new FsError('ENODEV', 'fallocate', number);
  refuseImmutable(inode, 'fallocate');
  // More room at the end is all that an append-only file takes.
  if ((mode & ~keepSize) !== 0) refuseFixed(inode, 'fallocate');
  if (inode.cutting !== undefined) throw new Suspend(inode.cutting, 'truncation');
  return inode;
}

/** Bring an inline file and dirty pages into the tree as extents, so that what is a hole there is one. */
function* settleInMemory(context: Context, inode: Inode, who: Credentials | undefined): Steps {
  if (inode.mayBeInline) {
    inode.wantsExtents = true;
    yield () => makeDirty(context, inode, [0], who);
  }
  if (inode.pages !== undefined && inode.pages.dirtyCount > 0) {
    inode.wantsExtents = true;
    yield flushing(context, inode);
  }
}

/** ENOSPC or EDQUOT, before anything has changed, if there is no room for so many pages more. */
function mustHaveRoom(context: Context, inode: Inode, missing: number, who: Credentials | undefined): void {
  if (who !== undefined && missing > 0) context.quotas?.admitPages(inode, missing, who);
  if (missing <= context.volume.statistics().available) return;
  context.writeback.makeRoom();
  if (missing > context.volume.statistics().available) throw new FsError('ENOSPC', 'fallocate', inode.number);
}

function holesIn(context: Context, inode: Inode, first: PageNumber, end: PageNumber): number {
  const cursor = new ExtentCursor(context.volume, inode.number);
  let holes = end - first;
  for (let more = cursor.find(first); more && cursor.first < end; more = cursor.next()) {
    holes -= Math.min(cursor.end, end) - Math.max(cursor.first, first);
  }
  return holes;
}

/** Reserve up to 400 extents; returns the page to go on with. */
function reserveStep(
  context: Context,
  inode: Inode,
  first: PageNumber,
  end: PageNumber,
  who: Credentials | undefined,
): PageNumber {
  if (inode.gone) return end;
  if (inode.cutting !== undefined) throw new Suspend(inode.cutting, 'truncation');
  const edit = new InodeEdit(context);
  const birth = context.volume.generation;
  const cursor = new ExtentCursor(context.volume, inode.number);
  let more = cursor.find(first);
  let page = first;
  let reserved = 0;
  while (page < end && edit.batch.entries < 2 * reclaimStep) {
    while (more && cursor.end <= page) more = cursor.next();
    if (more && cursor.first <= page) {
      page = cursor.end;
      continue;
    }
    const count = Math.min(reservedExtentPages, end - page, more ? cursor.first - page : end - page);
    edit.batch.put(inode.number, itemKind.extent, page, reservedExtent(birth, count));
    edit.batch.claim(0, count, birth, 0);
    reserved += count;
    page += count;
  }
  if (reserved > 0) {
    // Others were served since the whole range was asked for.
    mustHaveRoom(context, inode, reserved, who);
    edit.record(inode).pages += reserved;
    edit.apply();
    inode.mapVersion++;
  }
  return Math.min(page, end);
}

/** Set the size, if the range made the file longer, and the times. */
function conclude(context: Context, inode: Inode, end: ByteOffset): void {
  if (inode.gone) return;
  const edit = new InodeEdit(context);
  // The record stays as long and takes no room: what was punched, or took the last room, is not to fail here.
  edit.batch.frees = true;
  const after = end > inode.record.size ? resize(context, inode, end, edit) : undefined;
  edit.modified(inode, context.volume.now());
  edit.apply();
  after?.();
}
