/** Positions among the items of a MemoryVolume; each is good until the next batch, and says so when it is used later. */
import type { ItemCursor } from '../../fs/volume/api.js';
import type { MemoryVolume } from './memory-volume.js';

export class BrokenRule extends Error {}

export interface Item {
  readonly key: string;
  readonly inode: number;
  readonly kind: number;
  readonly offset: number;
  value: Uint8Array;
}

export class MemoryCursor implements ItemCursor {
  constructor(
    private readonly volume: MemoryVolume,
    private at: number,
    private readonly version: number,
  ) {}
  private get item(): Item {
    if (this.version !== this.volume.version) throw new BrokenRule('a cursor is used after a batch was applied');
    const item = this.volume.items[this.at];
    if (item === undefined) throw new BrokenRule('a cursor is read past the end');
    return item;
  }
  get valid(): boolean {
    if (this.version !== this.volume.version) throw new BrokenRule('a cursor is used after a batch was applied');
    return this.at >= 0 && this.at < this.volume.items.length;
  }
  get inode(): number {
    return this.item.inode;
  }
  get kind(): number {
    return this.item.kind;
  }
  get offset(): number {
    return this.item.offset;
  }
  get value(): Uint8Array {
    return this.volume.viewOf(this.item);
  }
  next(): void {
    const { key } = this.item;
    this.volume.mayRest('next', key);
    this.at++;
  }
}
