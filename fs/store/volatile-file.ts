/**
 * A store that keeps what is written in its own memory until a barrier, and only then hands it to the file. The
 * host's cache survives the death of a process, so with a plain image a missing barrier goes unnoticed after
 * kill -9; with this one it loses data, as a power cut would.
 *
 * A barrier hands the pages over last first: killed in the middle of it, the file has what a disk that reorders
 * writes could have. As the volume writes: whole pages, or a part of a page written since the last barrier.
 */
import { FsError } from '../errors.js';
import { type ImageOffset, pageSize } from '../units.js';
import { StoreAround } from './around.js';

type Pages = Map<number, Uint8Array>;

export class VolatileStore extends StoreAround {
  private fresh: Pages = new Map();
  /** What barriers that are under way are handing over, oldest first. */
  private readonly leaving: Pages[] = [];
  private lastBarrier: Promise<void> = Promise.resolve();

  async read(offset: ImageOffset, into: Uint8Array): Promise<void> {
    // What was written before this call counts, even if a barrier takes it away meanwhile.
    const over: { readonly at: number; readonly page: Uint8Array }[] = [];
    for (let at = Math.floor(offset / pageSize) * pageSize; at < offset + into.length; at += pageSize) {
      const page = this.newest(at / pageSize);
      if (page) over.push({ at, page });
    }
    await this.inner.read(offset, into);
    for (const { at, page } of over) {
      const skip = Math.max(0, offset - at);
      into.set(page.subarray(skip, Math.min(pageSize, offset + into.length - at)), at + skip - offset);
    }
  }

  private newest(index: number): Uint8Array | undefined {
    let page = this.fresh.get(index);
    for (let i = this.leaving.length - 1; i >= 0 && !page; i--) page = this.leaving[i].get(index);
    return page;
  }

  override write(offset: ImageOffset, buffers: readonly Uint8Array[]): undefined {
    let bytes: Uint8Array = Buffer.concat(buffers);
    if (this.readOnly) throw new FsError('EROFS', 'write', undefined, this.name);
    const skip = offset % pageSize;
    const page = this.newest((offset - skip) / pageSize);
    if (skip > 0 && page !== undefined && skip + bytes.length <= pageSize) {
      const patched = page.slice();
      patched.set(bytes, skip);
      [offset, bytes] = [offset - skip, patched];
    }
    if (offset % pageSize !== 0 || bytes.length % pageSize !== 0) {
      throw new FsError('EINVAL', 'write', undefined, `${bytes.length} bytes at ${offset} are not whole pages`);
    }
    for (let at = 0; at < bytes.length; at += pageSize) {
      this.fresh.set((offset + at) / pageSize, Uint8Array.prototype.slice.call(bytes, at, at + pageSize));
    }
    return undefined;
  }

  override barrier(): Promise<void> {
    const pages = this.fresh;
    this.fresh = new Map();
    this.leaving.push(pages);
    this.lastBarrier = this.lastBarrier.then(async () => {
      for (const [page, bytes] of [...pages].reverse()) await this.inner.write(page * pageSize, [bytes]);
      await this.inner.barrier();
      this.leaving.splice(this.leaving.indexOf(pages), 1);
    });
    return this.lastBarrier;
  }

  override discard(): undefined {
    // Space would come back before the barrier that allows it.
    return undefined;
  }

  /** What was never followed by a barrier is lost. */
  override async close(): Promise<void> {
    await this.lastBarrier;
    await this.inner.close();
  }
}
