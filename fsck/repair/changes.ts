/** Changes on their way into the tree, in batches of bounded size. Each batch may be the last that becomes durable. */
import { Batch } from '../../fs/tree/batch.js';
import type { InodeNumber } from '../../fs/units.js';
import type { Workshop } from './workshop.js';

const mostItems = 100;

export class Changes {
  private batch = new Batch();

  constructor(private readonly shop: Workshop) {}

  async put(inode: InodeNumber, kind: number, offset: number, value: Uint8Array): Promise<void> {
    this.batch.put(inode, kind, offset, value);
    if (this.batch.entries >= mostItems) await this.flush();
  }

  async delete(inode: InodeNumber, kind: number, offset: number): Promise<void> {
    this.batch.delete(inode, kind, offset);
    if (this.batch.entries >= mostItems) await this.flush();
  }

  /** All of them are in the tree afterwards. */
  async flush(): Promise<void> {
    const { batch } = this;
    if (batch.entries === 0) return;
    this.batch = new Batch();
    await this.shop.change(batch);
  }
}
