/**
 * A store behind a network, as a block device is that the host reads and writes through its memory: what is not there takes
 * a fixed time longer, any number of pages at once; what was read, written or expected is near from then on. Writes are
 * quick, and a barrier takes two round trips, for what was written and for the disk's own cache; one if nothing was.
 *
 * Invariant: of each page that is near, it is known when it came, or will.
 */
import { type ImageOffset, pageSize } from '../units.js';
import { StoreAround } from './around.js';
import type { Store } from './store.js';

export class DistantStore extends StoreAround {
  /** When each page has arrived, in ms of the process's clock, by its number. */
  private readonly arrivals = new Map<number, number>();
  private dirty = false;

  /** `milliseconds`: a round trip to the device and back. */
  constructor(
    inner: Store,
    private readonly milliseconds: number,
  ) {
    super(inner);
  }

  async read(offset: ImageOffset, into: Uint8Array): Promise<void> {
    const wait = this.fetch(offset, into.length) - performance.now();
    if (wait > 0) await late(wait);
    await this.inner.read(offset, into);
  }

  expect(offset: ImageOffset, length: number): void {
    this.fetch(offset, length);
  }

  override write(offset: ImageOffset, buffers: readonly Uint8Array[]): Promise<void> | undefined {
    const length = buffers.reduce((sum, { byteLength }) => sum + byteLength, 0);
    this.fetch(offset, length, performance.now());
    this.dirty = true;
    return this.inner.write(offset, buffers);
  }

  override async barrier(): Promise<void> {
    const trips = this.dirty ? 2 : 1;
    this.dirty = false;
    await late(trips * this.milliseconds);
    await this.inner.barrier();
  }

  /** Have these pages brought, those that are not on their way yet by `arrival`; when the last of them is there. */
  private fetch(offset: ImageOffset, length: number, arrival = performance.now() + this.milliseconds): number {
    let last = 0;
    for (let page = Math.floor(offset / pageSize); page * pageSize < offset + length; page++) {
      const known = this.arrivals.get(page);
      if (known === undefined) this.arrivals.set(page, arrival);
      last = Math.max(last, known ?? arrival);
    }
    return last;
  }
}

const late = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
