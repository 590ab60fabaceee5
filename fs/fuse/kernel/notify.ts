/**
 * What the kernel has to be told because it changed behind its back: a snapshot that came or went, a quota, a
 * root rolled back.
 *
 * Invariant: the serving thread never notifies of an inode of which a request waits for its answer, nor of one
 * that the kernel may have dirty: the notification would wait for the server, and the server for it. `pull` may,
 * since it waits in a thread of its own while requests are served.
 */
import { errno, FsError } from '../../errors.js';
import { lastErrno } from '../../host/libc.js';
import type { InodeNumber } from '../../units.js';
import { notifyCode, outBody, outHeader, outHeaderBytes } from './abi.js';
import { writeNodeId, writeU64 } from './node-id.js';
import { inThread, write } from './system-calls.js';

export class Notifier {
  private readonly words = new Uint32Array(128);
  private readonly bytes = new Uint8Array(this.words.buffer);
  private pulled: Promise<void> = Promise.resolve();
  private closed = false;

  constructor(private readonly fd: number) {}

  /** Forget the attributes, and with `length` 0 or more also the cached bytes from `offset` (0: up to the end). */
  invalidateInode(rootId: number, inode: InodeNumber, offset = 0, length = -1): void {
    writeNodeId(this.words, outBody, rootId, inode);
    // A negative offset: attributes only.
    writeU64(this.words, outBody + 2, length < 0 ? -1 : offset);
    writeU64(this.words, outBody + 4, Math.max(length, 0));
    this.send(notifyCode.invalidateInode, 24);
  }

  /** Forget what the name in that directory means, or that it means nothing. */
  invalidateEntry(rootId: number, parent: InodeNumber, name: Uint8Array): void {
    writeNodeId(this.words, outBody, rootId, parent);
    this.words[outBody + 2] = name.length;
    this.words[outBody + 3] = 0;
    const start = outHeaderBytes + 16;
    this.bytes.set(name, start);
    this.bytes[start + name.length] = 0;
    this.send(notifyCode.invalidateEntry, 16 + name.length + 1);
  }

  /**
   * Have the kernel write what it has dirty of the inode; it forgets what it has cached, too. One at a time: each
   * takes a thread from those that the answers may need for reading. A failure is the caller's alone.
   */
  pull(rootId: number, inode: InodeNumber): Promise<void> {
    const pulled = this.pulled.then(() => this.pullNow(rootId, inode));
    this.pulled = pulled.catch(() => undefined);
    return pulled;
  }

  /** The mount is gone: nobody is there to be told, and the descriptor's number may be another file's. */
  close(): void {
    this.closed = true;
  }

  private async pullNow(rootId: number, inode: InodeNumber): Promise<void> {
    if (this.closed) return;
    const words = new Uint32Array((outHeaderBytes + 24) / 4);
    words[outHeader.length] = outHeaderBytes + 24;
    words[outHeader.error] = notifyCode.invalidateInode;
    writeNodeId(words, outBody, rootId, inode);
    const bytes = new Uint8Array(words.buffer);
    await inThread((done) => write.async(this.fd, bytes, bytes.length, done));
  }

  private send(code: number, length: number): void {
    if (this.closed) return;
    this.words[outHeader.length] = outHeaderBytes + length;
    this.words[outHeader.error] = code;
    this.words[outHeader.unique] = 0;
    this.words[outHeader.unique + 1] = 0;
    if (write(this.fd, this.bytes, outHeaderBytes + length) >= 0) return;
    const failure = lastErrno();
    // The kernel knows nothing of it: all the better.
    if (failure !== errno.ENOENT && failure !== errno.ENODEV)
      throw new FsError('EIO', 'notification', undefined, `errno ${failure}`);
  }
}
