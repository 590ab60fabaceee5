/**
 * INIT, the first request: the kernel says what it can do, the driver what of that it wants.
 *
 * Not wanted, and why: ATOMIC_O_TRUNC (a truncation comes as SETATTR, which is the same number of requests);
 * POSIX_LOCKS and FLOCK_LOCKS (the kernel keeps locks itself; one host serves one mount); AUTO_INVAL_DATA
 * (nothing changes behind the kernel's back without a notification).
 */

import { errno } from '../../errors.js';
import { initFlag, initIn, oldestMinor, protocolMajor, protocolMinor } from './abi.js';
import { maxBackground } from './background-limit.js';
import type { Handler } from './exchange.js';

const wanted: readonly number[] = [
  initFlag.ASYNC_READ,
  initFlag.EXPORT_SUPPORT,
  initFlag.BIG_WRITES,
  initFlag.DONT_MASK,
  initFlag.DO_READDIRPLUS,
  initFlag.READDIRPLUS_AUTO,
  initFlag.ASYNC_DIO,
  initFlag.PARALLEL_DIROPS,
  initFlag.MAX_PAGES,
  initFlag.CACHE_SYMLINKS,
  initFlag.NO_OPENDIR_SUPPORT,
  initFlag.EXPLICIT_INVAL_DATA,
  initFlag.HANDLE_KILLPRIV_V2,
  initFlag.SETXATTR_EXT,
  initFlag.INIT_EXT,
  initFlag.DIRECT_IO_ALLOW_MMAP,
];

/**
 * Bytes. What the kernel asks with is what it would do by itself, 128 KiB; an answer with that would undo what is set for the
 * mount (mount.ts), as it takes the less of the two.
 */
const maxReadahead = 4 * 1024 * 1024;

export const init: Handler = (x) => {
  const { request: r, connection } = x;
  const { options } = connection;
  const [major, minor] = [r.u32(initIn.major), r.u32(initIn.minor)];
  // A newer kernel asks again, in the version of the answer.
  if (major > protocolMajor) return x.reply.init(protocolMinor, 0, 0, 0, maxBackground);
  if (major < protocolMajor || minor < oldestMinor) {
    options.log(`the kernel speaks FUSE ${major}.${minor}; at least ${protocolMajor}.${oldestMinor} is needed`);
    return -errno.EPROTO;
  }
  let [flags, flags2] = [0, 0];
  for (const bit of wantedWith(options.writeThrough, options.posixAcl)) {
    if (bit < 32) flags |= 1 << bit;
    else flags2 |= 1 << (bit - 32);
  }
  flags &= r.u32(initIn.flags);
  flags2 &= r.u32(initIn.flags2);
  connection.initialized();
  return x.reply.init(Math.min(minor, protocolMinor), maxReadahead, flags, flags2, maxBackground);
};

const wantedWith = (writeThrough: boolean, posixAcl: boolean): number[] => [
  ...wanted,
  ...(writeThrough ? [] : [initFlag.WRITEBACK_CACHE]),
  ...(posixAcl ? [initFlag.POSIX_ACL] : []),
];
