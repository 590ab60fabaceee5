/**
 * Unmounting. It runs in a thread, since the kernel may want answers of the filesystem before it returns: the
 * server can do it to its own mount.
 */
import { type ErrorCode, errno, FsError } from '../errors.js';
import { inThread, umount2, umountFlag } from './kernel/system-calls.js';

/** `lazy`: out of the tree at once, gone when its last user is. Throws FsError, EBUSY without `lazy`. */
export async function unmountKernel(target: string, lazy: boolean): Promise<void> {
  const flags = umountFlag.noFollow | (lazy ? umountFlag.detach : 0);
  const { result, errno: code } = await inThread((done) => umount2.async(target, flags, done));
  // EINVAL, ENOENT: it is no mount any more.
  if (result === 0 || code === errno.EINVAL || code === errno.ENOENT) return;
  const name = (Object.keys(errno) as ErrorCode[]).find((key) => errno[key] === code) ?? 'EIO';
  throw new FsError(name, `unmount of ${target}`);
}
