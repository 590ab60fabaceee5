/** Requests about what is in a file: open, read, write, fsync, fallocate, seek, copy. */
import { errno, FsError } from '../../errors.js';
import type { Credentials } from '../../posix/api.js';
import { run } from '../../suspend.js';
import {
  copyFileRangeIn,
  fallocateIn,
  fsyncFlag,
  fsyncIn,
  lseekIn,
  maxWrite,
  openAccess,
  openAppend,
  openIn,
  openReply,
  openSync,
  readIn,
  releaseIn,
  writeFlag,
  writeIn,
} from './abi.js';
import { type Exchange, type Handler, unfinished } from './exchange.js';

/** So that copying a large file can be interrupted. */
const maxCopy = 64 * 1024 * 1024;

/** Numbers of handles: what the kernel writes back later comes with one of a handle that can write, and no caller. */
const handles = { anyone: 0, superuser: 1 } as const;
const anyone: Credentials = { uid: -1, gid: -1, pid: 0 };
const superuser: Credentials = { uid: 0, gid: 0, pid: 0 };

/**
 * Answer that a file is open. The kernel's cache stays right from one open to the next. Near a limit it may not take writes
 * on its own account: write(2) has to hear of ENOSPC and EDQUOT itself. `nearQuota`: as for who asks; the superuser meets
 * none.
 */
export function replyOpen(x: Exchange, at: number, nearQuota: boolean): number {
  const near = nearQuota || x.connection.served.nearLimit();
  const flags = near ? openReply.directIo | openReply.keepCache : openReply.keepCache;
  return x.reply.open(at, x.request.uid === 0 ? handles.superuser : handles.anyone, flags);
}

export const open: Handler = (x) => {
  const { inode, uid } = x.request;
  const flags = x.request.u32(openIn.flags);
  const writes = canWrite(flags);
  let nearQuota = false;
  if (writes) {
    x.filesystem.checkOpen(inode, (flags & openAppend) !== 0);
    nearQuota = uid !== 0 && x.filesystem.nearQuota?.(inode) === true;
    x.writesLater(inode);
  }
  x.holdLater(inode, 1);
  return replyOpen(x, 0, nearQuota);
};

export const release: Handler = (x) => {
  const { inode } = x.request;
  if (canWrite(x.request.u32(releaseIn.flags))) x.countWriter(inode, -1);
  x.filesystem.letGo(inode, 1);
  return 0;
};

export const canWrite = (flags: number): boolean => (flags & openAccess.mask) !== openAccess.readOnly;

export const read: Handler = (x) => {
  const { request: r, connection } = x;
  const size = Math.min(r.u32(readIn.size), maxWrite);
  const result = x.filesystem.read(r.inode, r.u64(readIn.offset), x.reply.body(size));
  connection.counters.bytesRead += size;
  return result;
};

/**
 * The filesystem copies the data before it returns: the request's buffer is used again. One that gives way to others is written
 * a portion at a time, up to the next multiple of its length.
 */
export const write: Handler = (x) => {
  const { request: r, connection, written: before, portion } = x;
  const size = r.u32(writeIn.size);
  const offset = r.u64(writeIn.offset) + before;
  const most = portion === 0 ? size - before : Math.min(portion - (offset % portion), size - before);
  const data = r.data(writeIn.dataBytes + before, most);
  const flags = r.u32(writeIn.flags);
  const kill = (flags & writeFlag.killPrivileges) !== 0;
  const cached = (flags & writeFlag.cached) !== 0;
  const by = !cached || kill ? r : r.u32(writeIn.handle) === handles.superuser ? superuser : anyone;
  const written = most > 0 ? x.filesystem.write(r.inode, offset, data, by, kill) : 0;
  connection.counters.bytesWritten += written;
  x.written = before + written;
  if (written === most && x.written < size) return unfinished;
  const durable = !cached && (r.u32(writeIn.openFlags) & openSync.data) !== 0;
  if (x.written === size && !durable) return x.reply.count(size);
  return finishWrite(x, r.data(writeIn.dataBytes + x.written, size - x.written).slice(), by, cached, durable);
};

/**
 * The kernel takes no notice of a short write of its cached pages. And for a file that was opened with O_SYNC or O_DSYNC
 * it asks for an fsync after a write, but not if the open was answered with `directIo` (tried on 6.18).
 */
const finishWrite = async (
  x: Exchange,
  rest: Uint8Array,
  by: Credentials,
  cached: boolean,
  durable: boolean,
): Promise<number> => {
  const { request: r, filesystem, written: before } = x;
  const { inode } = r;
  const offset = r.u64(writeIn.offset) + before;
  const dataOnly = (r.u32(writeIn.openFlags) & openSync.attributes) === 0;
  let done = 0;
  try {
    while (done < rest.length) {
      done += await run(() => filesystem.write(inode, offset + done, rest.subarray(done), by));
    }
  } catch (e) {
    // As write(2) has it: what was written counts, and the next call meets the failure again.
    if (cached || !(e instanceof FsError) || before + done === 0) throw e;
  }
  if (durable) await filesystem.fsync(inode, dataOnly);
  return x.reply.count(before + done);
};

export const fsync: Handler = (x) => {
  const dataOnly = (x.request.u32(fsyncIn.flags) & fsyncFlag.dataOnly) !== 0;
  return x.filesystem.fsync(x.request.inode, dataOnly).then(empty);
};

/** Of a directory, and of the whole filesystem. */
export const syncAll: Handler = (x) => x.filesystem.sync().then(empty);

export const fallocate: Handler = (x) => {
  const { request: r, filesystem } = x;
  const length = r.u64(fallocateIn.length);
  const done = filesystem.fallocate(r.inode, r.u32(fallocateIn.mode), r.u64(fallocateIn.offset), length, r);
  return done === undefined ? 0 : done.then(empty);
};

/**
 * The kernel passes SEEK_DATA and SEEK_HOLE on without writing its dirty pages first (tried on 6.18): where data
 * was just written, the filesystem would see a hole, and cp would copy zeros. So a file that someone has open for
 * writing is pulled from the kernel before the question is answered.
 */
export const lseek: Handler = (x) => {
  const { request: r, connection } = x;
  if (!connection.writers.has(r.inode)) return seekNow(x);
  return connection.pull(r.rootId, r.inode).then(() => run(() => seekNow(x)));
};

const seekNow = (x: Exchange): number => {
  const { request: r, filesystem } = x;
  return x.reply.offset(filesystem.seek(r.inode, r.u64(lseekIn.offset), r.u32(lseekIn.whence)));
};

/** The reply is a u32 in COPY_FILE_RANGE and a u64 in COPY_FILE_RANGE_64: the same bytes below 4 GiB. */
export const copyFileRange: Handler = (x) => {
  const { request: r, filesystem, reply } = x;
  if (r.rootIdAt(copyFileRangeIn.toNode) !== r.rootId) return -errno.EXDEV;
  const length = Math.min(r.u64(copyFileRangeIn.length), maxCopy);
  const [from, to] = [r.u64(copyFileRangeIn.from), r.u64(copyFileRangeIn.to)];
  return filesystem
    .copyRange(r.inode, from, r.inodeAt(copyFileRangeIn.toNode), to, length, r)
    .then((copied) => reply.offset(copied));
};

const empty = (): number => 0;
