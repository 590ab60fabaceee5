/** A medium of which some pages can't be read until they are written, as a disk remaps a sector then. */
import { FsError } from '../../fs/errors.js';
import { MemoryStore } from '../../fs/store/memory.js';
import type { Store } from '../../fs/store/store.js';
import { pageSize } from '../../fs/units.js';

export class BadSectors extends MemoryStore {
  /** Pages that answer EIO. */
  readonly lost: Set<number>;

  /** `of`: a store in memory, whose bytes are used, not copied. */
  constructor(of: Store, ...pages: readonly number[]) {
    super(of.size, { bytes: (of as MemoryStore).bytes });
    this.lost = new Set(pages);
  }

  override read(offset: number, into: Uint8Array): Promise<void> | undefined {
    for (let at = Math.floor(offset / pageSize); at * pageSize < offset + into.length; at++)
      if (this.lost.has(at)) throw new FsError('EIO', 'read', undefined, `page ${at}`);
    return super.read(offset, into);
  }

  override write(offset: number, buffers: readonly Uint8Array[]): Promise<void> | undefined {
    let end = offset;
    for (const { length } of buffers) end += length;
    for (let at = Math.floor(offset / pageSize); at * pageSize < end; at++) this.lost.delete(at);
    return super.write(offset, buffers);
  }
}
