/** Requests about names in directories: lookup, create, link, unlink, rename. */
import { errno, FsError } from '../../errors.js';
import type { Attributes } from '../../posix/api.js';
import { Suspend } from '../../suspend.js';
import type { InodeNumber } from '../../units.js';
import { createIn, entryOut, linkIn, mkdirIn, mknodIn, rename2In, renameIn } from './abi.js';
import type { Exchange, Handler } from './exchange.js';
import { canWrite, replyOpen } from './files.js';

const dot = 46;
const isDot = (name: Uint8Array): boolean => name.length === 1 && name[0] === dot;
const isDotDot = (name: Uint8Array): boolean => name.length === 2 && name[0] === dot && name[1] === dot;

/** `.` and `..` are looked up for file handles of NFS, when the kernel has forgotten the inode. */
export const lookup: Handler = (x) => {
  const { request, filesystem } = x;
  const name = request.name(0);
  if (isDot(name)) return x.entry(filesystem.getattr(request.inode));
  if (isDotDot(name)) return x.entry(filesystem.getattr(parentOf(x)));
  let found: Attributes;
  try {
    found = filesystem.lookup(request.inode, name);
  } catch (e) {
    if (!(e instanceof FsError) || e.code !== 'ENOENT') throw e;
    const { served } = x.connection;
    const hidden = served.hidden?.(request.rootId, request.inode, name);
    if (hidden !== undefined) return x.entry(hidden);
    // Snapshots come by other ways than through the kernel: it shall not remember that there is none of a name.
    return filesystem.volatile ? -errno.ENOENT : x.reply.absent();
  }
  return x.entry(found);
};

const parentOf = (x: Exchange): InodeNumber => {
  let parent: InodeNumber = 0;
  x.filesystem.readdir(x.request.inode, 0, (name, inode) => {
    if (isDotDot(name)) parent = inode;
    return parent === 0;
  });
  if (parent === 0) throw new FsError('ENOENT', 'lookup', x.request.inode, 'no parent');
  return parent;
};

export const mknod: Handler = (x) => {
  const { request: r, filesystem } = x;
  const name = r.name(mknodIn.nameBytes);
  return x.entry(filesystem.mknod(r.inode, name, r.u32(mknodIn.mode), r.u32(mknodIn.device), r.u32(mknodIn.umask), r));
};

export const mkdir: Handler = (x) => {
  const { request: r, filesystem } = x;
  return x.entry(filesystem.mkdir(r.inode, r.name(mkdirIn.nameBytes), r.u32(mkdirIn.mode), r.u32(mkdirIn.umask), r));
};

export const symlink: Handler = (x) => {
  const { request: r, filesystem } = x;
  const name = r.name(0);
  return x.entry(filesystem.symlink(r.inode, name, r.name(name.length + 1), r));
};

export const link: Handler = (x) => {
  const { request: r, filesystem } = x;
  if (r.rootIdAt(linkIn.oldNode) !== r.rootId) return -errno.EXDEV;
  return x.entry(filesystem.link(r.inodeAt(linkIn.oldNode), r.inode, r.name(linkIn.nameBytes), r));
};

export const unlink: Handler = (x) => {
  x.filesystem.unlink(x.request.inode, x.request.name(0), x.request);
  return 0;
};

export const rmdir: Handler = (x) => {
  x.filesystem.rmdir(x.request.inode, x.request.name(0), x.request);
  return 0;
};

export const rename: Handler = (x) => move(x, 0, renameIn.nameBytes);
export const rename2: Handler = (x) => move(x, x.request.u32(rename2In.flags), rename2In.nameBytes);

const move = (x: Exchange, flags: number, nameBytes: number): number => {
  const { request: r, filesystem } = x;
  const newRoot = r.rootIdAt(renameIn.newParent);
  if (newRoot !== r.rootId) {
    // After EXDEV mv(1) copies: its mkdir in `.snapshots` would make a snapshot, and then nothing could be put there.
    return x.connection.served.filesystem(newRoot)?.volatile ? -errno.EPERM : -errno.EXDEV;
  }
  const name = r.name(nameBytes);
  const newName = r.name(nameBytes + name.length + 1);
  filesystem.rename(r.inode, name, r.inodeAt(renameIn.newParent), newName, flags, r);
  return 0;
};

/** The new file is open: one hold for the name that the kernel knows and one for the handle. */
export const create: Handler = (x) => {
  const { request: r, filesystem } = x;
  const name = r.name(createIn.nameBytes);
  return opened(x, filesystem.mknod(r.inode, name, r.u32(createIn.mode), 0, r.u32(createIn.umask), r));
};

export const tmpfile: Handler = (x) => {
  const { request: r, filesystem } = x;
  return opened(x, filesystem.tmpfile(r.inode, r.u32(createIn.mode), r.u32(createIn.umask), r));
};

const opened = (x: Exchange, a: Attributes): number => {
  x.entry(a);
  x.holdLater(a.inode, 2);
  const writes = canWrite(x.request.u32(createIn.flags));
  if (writes) x.writesLater(a.inode);
  return replyOpen(x, entryOut.words, writes && x.request.uid !== 0 && nearQuota(x, a.inode));
};

/** The file is there: the request can't begin again. Where nothing is known yet, writes go around the cache. */
const nearQuota = ({ filesystem }: Exchange, inode: InodeNumber): boolean => {
  try {
    return filesystem.nearQuota?.(inode) === true;
  } catch (e) {
    if (e instanceof Suspend) return true;
    throw e;
  }
};
