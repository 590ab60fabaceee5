/**
 * A directory tree from an image to the host, as `cp -a` copies it. Whoever is not root can't give files away: owners,
 * devices and attributes that the host refuses are left out, and counted; and setuid and setgid where the owner is not
 * kept, as they would lend the rights of another one.
 *
 * An image may be of anybody's making. Each entry is made anew, by a name that leads to no other directory, so nothing
 * is written outside the target; and each directory is entered once, so it ends.
 */
import fs from 'node:fs';
import { CorruptionError, FsError } from '../fs/errors.js';
import { mknod, putXattr, setTimes } from '../fs/host/nodes.js';
import { type Attributes, type FileSystemApi, seek } from '../fs/posix/api.js';
import { isDirectory, isRegular, isSymlink, modeBit, permissionMask } from '../fs/posix/inode/mode.js';
import { run } from '../fs/suspend.js';
import type { InodeNumber } from '../fs/units.js';
import { entriesOf } from './entries.js';
import { below, type CopyProgress, isZero, kept, piece, startCopy, type TreeCopy } from './tree-copy.js';

/**
 * Copy what is in a directory of the image into a directory of the host, which is there. Throws FsError and CorruptionError
 * of the image, or Node's.
 */
export async function copyOut(
  filesystem: FileSystemApi,
  source: InodeNumber,
  target: string,
  progress: CopyProgress = () => undefined,
): Promise<TreeCopy> {
  const copy = startCopy();
  const linked = new Map<InodeNumber, Buffer>();
  const entered = new Set<InodeNumber>();

  const enter = async (inode: InodeNumber, path: Buffer): Promise<void> => {
    if (entered.has(inode)) throw new CorruptionError('directory', `inode ${inode}`, 'has more than one name');
    entered.add(inode);
    for (const { name, child } of await entriesOf(filesystem, inode)) {
      await entry(child, below(path, name));
      await progress(copy);
    }
    await describe(await run(() => filesystem.getattr(inode)), path);
    copy.directories++;
  };

  const entry = async (inode: InodeNumber, path: Buffer): Promise<void> => {
    const attributes = await run(() => filesystem.getattr(inode));
    const { mode } = attributes;
    const known = linked.get(inode);
    if (known !== undefined) return fs.linkSync(known, path);
    if (isDirectory(mode)) {
      fs.mkdirSync(path, 0o700);
      return enter(inode, path);
    }
    copy[isRegular(mode) ? 'files' : 'others']++;
    if (isRegular(mode)) await contents(inode, attributes.size, path);
    else if (isSymlink(mode)) fs.symlinkSync(Buffer.from(await run(() => filesystem.readlink(inode))), path);
    else if (!(await kept(copy, path, () => mknod(path, mode, attributes.device)))) return;
    if (attributes.links > 1) linked.set(inode, path);
    await describe(attributes, path);
  };

  const contents = async (inode: InodeNumber, size: number, path: Buffer): Promise<void> => {
    const fd = fs.openSync(path, 'wx', 0o600);
    try {
      for (let at = await dataFrom(inode, 0, size); at < size; at = await dataFrom(inode, at, size)) {
        const bytes = Buffer.alloc(Math.min(piece, size - at));
        const start = at;
        const length = await run(() => filesystem.read(inode, start, bytes));
        if (length === 0) break;
        if (!isZero(bytes.subarray(0, length))) {
          for (let done = 0; done < length; ) done += fs.writeSync(fd, bytes, done, length - done, at + done);
          copy.bytes += length;
          await progress(copy);
        }
        at += length;
      }
      fs.ftruncateSync(fd, size);
    } finally {
      fs.closeSync(fd);
    }
  };

  /** Where data is at or after `at`; `size` if there is none. */
  const dataFrom = async (inode: InodeNumber, at: number, size: number): Promise<number> => {
    if (at >= size) return size;
    try {
      return await run(() => filesystem.seek(inode, at, seek.data));
    } catch (e) {
      if (e instanceof FsError && e.code === 'ENXIO') return size;
      throw e;
    }
  };

  /** Owner first, which clears bits of the mode; attributes while the mode lets its owner write them; times at last. */
  const describe = async (attributes: Attributes, path: Buffer): Promise<void> => {
    const { uid, gid, mode, atime, mtime } = attributes;
    const owned = await kept(copy, path, () => fs.lchownSync(path, uid, gid));
    const names = Buffer.from(await run(() => filesystem.listxattr(attributes.inode)));
    for (let at = 0; at < names.length; ) {
      const end = names.indexOf(0, at);
      const name = names.subarray(at, end);
      at = end + 1;
      const value = await run(() => filesystem.getxattr(attributes.inode, name));
      await kept(copy, path, () => putXattr(path, name, value));
    }
    const lends = owned ? 0 : modeBit.setuid | modeBit.setgid;
    if (!isSymlink(mode)) fs.chmodSync(path, mode & permissionMask & ~lends);
    setTimes(path, atime, mtime);
  };

  await enter(source, Buffer.from(target));
  return copy;
}
