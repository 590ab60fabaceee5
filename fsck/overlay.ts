/**
 * A store whose writes stay in memory, over one that is only read: fsck -n replays the journal into it and checks
 * the result, and the image stays as it was.
 *
 * Memory follows what a replay writes: what was journalled since the last checkpoint, in pages of 4 KiB.
 */
import type { Store } from '../fs/store/store.js';
import { type ImageOffset, pageSize } from '../fs/units.js';

export class OverlayStore implements Store {
  readonly readOnly = false;
  readonly size: number;
  readonly name: string;
  /** Written pages, by page of the image. */
  private readonly pages = new Map<number, Uint8Array>();

  constructor(private readonly below: Store) {
    this.size = below.size;
    this.name = below.name;
  }

  read(offset: ImageOffset, into: Uint8Array): Promise<void> | undefined {
    const wait = this.covers(offset, into.length) ? undefined : this.below.read(offset, into);
    if (wait === undefined) this.patch(offset, into);
    return wait?.then(() => this.patch(offset, into));
  }

  /** Whether all of it was written: what lies below may not even be readable. */
  private covers(offset: number, length: number): boolean {
    for (let page = Math.floor(offset / pageSize); page * pageSize < offset + length; page++)
      if (!this.pages.has(page)) return false;
    return true;
  }

  /** Lay the written pages over what was read. */
  private patch(offset: number, into: Uint8Array): void {
    if (this.pages.size === 0) return;
    const end = offset + into.length;
    for (let page = Math.floor(offset / pageSize); page * pageSize < end; page++) {
      const written = this.pages.get(page);
      if (written === undefined) continue;
      const from = Math.max(offset, page * pageSize);
      const to = Math.min(end, (page + 1) * pageSize);
      into.set(written.subarray(from - page * pageSize, to - page * pageSize), from - offset);
    }
  }

  /** Volumes write whole pages. */
  write(offset: ImageOffset, buffers: readonly Uint8Array[]): undefined {
    if (offset % pageSize !== 0) throw new RangeError(`a write at byte ${offset} begins within a page`);
    let page = offset / pageSize;
    for (const buffer of buffers) {
      for (let done = 0; done < buffer.length; done += pageSize) {
        const bytes = new Uint8Array(pageSize);
        bytes.set(buffer.subarray(done, done + pageSize));
        this.pages.set(page++, bytes);
      }
    }
    return undefined;
  }

  barrier(): undefined {
    return undefined;
  }

  discard(): undefined {
    return undefined;
  }

  /** The store below stays open: it is its owner's. */
  async close(): Promise<void> {
    this.pages.clear();
  }
}
