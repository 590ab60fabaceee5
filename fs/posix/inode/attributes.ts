/** stat and its times: what an inode looks like from outside, and what reading does to atime. */
import { inodeFlag } from '../../format/item.js';
import { pageSize } from '../../units.js';
import type { Attributes, Time } from '../api.js';
import type { Context } from './context.js';
import type { Inode } from './inode.js';

const daySeconds = 24 * 60 * 60;

export function attributesOf(inode: Inode): Attributes {
  const { record } = inode;
  return {
    inode: inode.number,
    generation: record.generation,
    mode: record.mode,
    // A directory has one name, its own `.`, and a `..` in each subdirectory.
    links: inode.isDirectory && record.links > 0 ? 2 + record.subdirectories : record.links,
    uid: record.uid,
    gid: record.gid,
    device: record.device,
    size: record.size,
    blocks: blocksOf(inode),
    atime: { seconds: record.atimeSeconds, nanos: record.atimeNanos },
    mtime: { seconds: record.mtimeSeconds, nanos: record.mtimeNanos },
    ctime: { seconds: record.ctimeSeconds, nanos: record.ctimeNanos },
    btime: { seconds: record.btimeSeconds, nanos: record.btimeNanos },
    flags: record.flags,
    project: record.project,
  };
}

/** Blocks of 512 bytes; pages that have no address yet count, as a file that looks empty would be copied as a hole. */
function blocksOf(inode: Inode): number {
  const { record, pages } = inode;
  if (!inode.isRegular) return Math.ceil(record.size / 512);
  const dirty = pages === undefined ? 0 : pages.dirtyCount;
  if (record.pages === 0 && dirty === 0) return inode.mayBeInline ? Math.ceil(record.size / 512) : 0;
  const unmapped = Math.max(0, Math.ceil(record.size / pageSize) - record.pages);
  return (record.pages + Math.min(dirty, unmapped)) * 8;
}

/** The inode was read: move its atime, in memory only, if it is older than mtime, ctime or a day. */
export function accessed(context: Context, inode: Inode): void {
  if (context.accessTimes === 'noatime' || context.volume.readOnly) return;
  const { record } = inode;
  if ((record.flags & inodeFlag.noAtime) !== 0) return;
  const now = context.volume.now();
  const stale =
    before(record.atimeSeconds, record.atimeNanos, record.mtimeSeconds, record.mtimeNanos) ||
    before(record.atimeSeconds, record.atimeNanos, record.ctimeSeconds, record.ctimeNanos) ||
    now.seconds - record.atimeSeconds >= daySeconds;
  // On a volume that has failed it would stay dirty for good, and the inode in memory.
  if (!stale || context.volume.failure !== undefined) return;
  record.atimeSeconds = now.seconds;
  record.atimeNanos = now.nanos;
  inode.attributesDirty = true;
  context.writeback.dirty.add(inode);
  context.writeback.accessed();
}

/** Not after. */
const before = (seconds: number, nanos: number, thanSeconds: number, thanNanos: number): boolean =>
  seconds < thanSeconds || (seconds === thanSeconds && nanos <= thanNanos);

/** The file's contents changed now, in memory. */
export function touchModified(inode: Inode, now: Time): void {
  const { record } = inode;
  record.mtimeSeconds = now.seconds;
  record.mtimeNanos = now.nanos;
  record.ctimeSeconds = now.seconds;
  record.ctimeNanos = now.nanos;
  inode.attributesDirty = true;
}
