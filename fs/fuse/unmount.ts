/**
 * Unmounting, and before that having the kernel write what it has. Both run in a thread, since the kernel wants
 * answers of the filesystem before it returns: so the server can do it to its own mount.
 */
import { open } from 'node:fs/promises';
import { type ErrorCode, errno, FsError } from '../errors.js';
import { fusermountFrom, isOrdinaryUser } from './fusermount.js';
import { inThread, syncfs, umount2, umountFlag } from './kernel/system-calls.js';
import { mountAt } from './mount-table.js';

/** What programs have written reaches the server. Throws FsError EIO: some of it was refused. */
export async function syncKernel(target: string): Promise<void> {
  const directory = await open(target, 'r');
  try {
    const { result } = await inThread((done) => syncfs.async(directory.fd, done));
    if (result !== 0) throw new FsError('EIO', `sync of ${target}`);
  } finally {
    await directory.close();
  }
}

/** `lazy`: out of the tree at once, gone when its last user is. Throws FsError, EBUSY without `lazy`. */
export async function unmountKernel(target: string, lazy: boolean): Promise<void> {
  if (isOrdinaryUser()) {
    if (mountAt(target) !== undefined) await fusermountFrom(target, lazy);
    return;
  }
  const flags = umountFlag.noFollow | (lazy ? umountFlag.detach : 0);
  const { result, errno: code } = await inThread((done) => umount2.async(target, flags, done));
  // EINVAL, ENOENT: it is no mount any more.
  if (result === 0 || code === errno.EINVAL || code === errno.ENOENT) return;
  const name = (Object.keys(errno) as ErrorCode[]).find((key) => errno[key] === code) ?? 'EIO';
  throw new FsError(name, `unmount of ${target}`);
}
