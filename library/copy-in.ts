/**
 * A directory tree from the host into an image, as `cp -a` copies it: types, owners, permissions, times, links, extended
 * attributes with ACLs, and holes. Names are bytes, of any encoding.
 */
import fs from 'node:fs';
import { xattrsOf } from '../fs/host/nodes.js';
import type { FileSystemApi } from '../fs/posix/api.js';
import { fileType, isDirectory, isRegular, isSymlink, permissionMask } from '../fs/posix/inode/mode.js';
import { run } from '../fs/suspend.js';
import type { InodeNumber } from '../fs/units.js';
import { caller } from './caller.js';
import { below, type CopyProgress, isZero, kept, piece, startCopy, type TreeCopy } from './tree-copy.js';

/** Copy what is in a directory of the host into a directory of the image. Throws FsError of the image, or Node's. */
export async function copyIn(
  source: string,
  filesystem: FileSystemApi,
  target: InodeNumber,
  progress: CopyProgress = () => undefined,
): Promise<TreeCopy> {
  const copy = startCopy();
  /** Inodes of the image by device and inode of the host: further names of one file. */
  const linked = new Map<string, InodeNumber>();

  const enter = async (path: Buffer, into: InodeNumber): Promise<void> => {
    for (const name of fs.readdirSync(path, { encoding: 'buffer' }).sort(Buffer.compare)) {
      await entry(below(path, name), name, into);
      await progress(copy);
    }
    await describe(path, fs.lstatSync(path, { bigint: true }), into);
    copy.directories++;
  };

  const entry = async (path: Buffer, name: Buffer, parent: InodeNumber): Promise<void> => {
    const found = fs.lstatSync(path, { bigint: true });
    const mode = Number(found.mode);
    const key = `${found.dev}:${found.ino}`;
    const known = linked.get(key);
    if (known !== undefined) return void (await run(() => filesystem.link(known, parent, name, caller)));
    const inode = await make(path, name, parent, mode, Number(found.rdev));
    if (found.nlink > 1n && !isDirectory(mode)) linked.set(key, inode);
    if (isDirectory(mode)) return enter(path, inode);
    if (isRegular(mode)) await contents(path, inode);
    copy[isRegular(mode) ? 'files' : 'others']++;
    await describe(path, found, inode);
  };

  const make = async (path: Buffer, name: Buffer, parent: InodeNumber, mode: number, device: number) => {
    if (isDirectory(mode)) return (await run(() => filesystem.mkdir(parent, name, 0o700, 0, caller))).inode;
    if (isSymlink(mode)) {
      const text = fs.readlinkSync(path, { encoding: 'buffer' });
      return (await run(() => filesystem.symlink(parent, name, text, caller))).inode;
    }
    const type = mode & fileType.mask;
    return (await run(() => filesystem.mknod(parent, name, type | 0o600, device, 0, caller))).inode;
  };

  const contents = async (path: Buffer, inode: InodeNumber): Promise<void> => {
    const fd = fs.openSync(path, asRegular);
    try {
      for (let at = 0; ; ) {
        const bytes = Buffer.alloc(piece);
        const length = fs.readSync(fd, bytes, 0, piece, at);
        if (length === 0) {
          await run(() => filesystem.setattr(inode, { size: at }, caller));
          return;
        }
        if (!isZero(bytes.subarray(0, length))) {
          await put(inode, at, bytes.subarray(0, length));
          copy.bytes += length;
          await progress(copy);
        }
        at += length;
      }
    } finally {
      fs.closeSync(fd);
    }
  };

  const put = async (inode: InodeNumber, at: number, bytes: Uint8Array): Promise<void> => {
    for (let done = 0; done < bytes.length; )
      done += await run(() => filesystem.write(inode, at + done, bytes.subarray(done), caller));
  };

  /** Owner first, which may clear bits of the mode; attributes, among which ACLs change the mode; times at last. */
  const describe = async (path: Buffer, found: fs.BigIntStats, inode: InodeNumber): Promise<void> => {
    const mode = Number(found.mode);
    await run(() => filesystem.setattr(inode, { uid: Number(found.uid), gid: Number(found.gid) }, caller));
    if (!isSymlink(mode)) await run(() => filesystem.setattr(inode, { mode: mode & permissionMask }, caller));
    for (const { name, value } of xattrsOf(path))
      await kept(copy, path, () => run(() => filesystem.setxattr(inode, name, value, 0, caller)));
    const times = { atime: timeOf(found.atimeNs), mtime: timeOf(found.mtimeNs) };
    await run(() => filesystem.setattr(inode, times, caller));
  };

  await enter(Buffer.from(source), target);
  return copy;
}

/** If something else has its name by now, a link is not followed and a fifo not waited for. */
const asRegular = fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK;

/** Floor, for times before 1970 too. */
function timeOf(nanoseconds: bigint): { seconds: number; nanos: number } {
  const rest = ((nanoseconds % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return { seconds: Number((nanoseconds - rest) / 1_000_000_000n), nanos: Number(rest) };
}
