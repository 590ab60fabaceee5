/** Requests about an inode as a whole: attributes, links' targets, forgetting; and about the whole filesystem. */
import type { AttributeChanges } from '../../posix/api.js';
import { batchForgetIn, body, forgetIn, setattrIn, setattrValid } from './abi.js';
import { type Exchange, type Handler, silent } from './exchange.js';
import { inodeOf, rootIdOf } from './node-id.js';
import type { Request } from './request.js';

export const getattr: Handler = (x) => x.reply.attributes(x.request.rootId, x.filesystem.getattr(x.request.inode));
export const statx: Handler = (x) => x.reply.statx(x.request.rootId, x.filesystem.getattr(x.request.inode));

export const setattr: Handler = (x) =>
  x.reply.attributes(x.request.rootId, x.filesystem.setattr(x.request.inode, changesOf(x), x.request));

/**
 * With HANDLE_KILLPRIV_V2 the kernel says when a truncation takes setuid and setgid away; a change of owner
 * always does, and no flag tells. Always an object of one shape: of each other one V8 would have to learn anew.
 */
const changesOf = (x: Exchange): AttributeChanges => {
  const { request: r } = x;
  const valid = r.u32(setattrIn.valid);
  return {
    mode: valid & setattrValid.mode ? r.u32(setattrIn.mode) : undefined,
    uid: valid & setattrValid.uid ? r.u32(setattrIn.uid) : undefined,
    gid: valid & setattrValid.gid ? r.u32(setattrIn.gid) : undefined,
    size: valid & setattrValid.size ? r.u64(setattrIn.size) : undefined,
    atime:
      valid & setattrValid.atimeNow
        ? 'now'
        : valid & setattrValid.atime
          ? time(r, setattrIn.atime, setattrIn.atimeNanos)
          : undefined,
    mtime:
      valid & setattrValid.mtimeNow
        ? 'now'
        : valid & setattrValid.mtime
          ? time(r, setattrIn.mtime, setattrIn.mtimeNanos)
          : undefined,
    ctime: valid & setattrValid.ctime ? time(r, setattrIn.ctime, setattrIn.ctimeNanos) : undefined,
    killPrivileges: (valid & (setattrValid.killPrivileges | setattrValid.uid | setattrValid.gid)) !== 0,
    cached: isOfWriteback(valid) && x.connection.writers.has(r.inode),
  };
};

/** With dirty pages the kernel sends mtime and ctime of its own; utimensat(2) of one time looks the same. */
const isOfWriteback = (valid: number): boolean =>
  (valid & setattrValid.any) === (setattrValid.mtime | setattrValid.ctime);

const time = (r: Request, seconds: number, nanos: number) => ({ seconds: r.i64(seconds), nanos: r.u32(nanos) });

export const readlink: Handler = (x) => x.reply.copy(x.filesystem.readlink(x.request.inode));

export const statfs: Handler = (x) => x.reply.statfs(x.filesystem.statfs(x.request.inode));

export const forget: Handler = (x) => {
  x.filesystem.letGo(x.request.inode, x.request.u64(forgetIn.count));
  return silent;
};

export const batchForget: Handler = (x) => {
  const { words } = x.request;
  const count = x.request.u32(batchForgetIn.count);
  for (let i = 0; i < count; i++) forgetOne(x, words, body + batchForgetIn.first + i * batchForgetIn.wordsEach);
  return silent;
};

const forgetOne = (x: Exchange, words: Uint32Array, at: number): void => {
  const [low, high] = [words[at + batchForgetIn.nodeId], words[at + batchForgetIn.nodeId + 1]];
  const lookups = words[at + batchForgetIn.lookups] + words[at + batchForgetIn.lookups + 1] * 2 ** 32;
  x.connection.served.filesystem(rootIdOf(high))?.letGo(inodeOf(low, high), lookups);
};
