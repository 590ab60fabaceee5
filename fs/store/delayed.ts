/**
 * A store whose reads take a fixed time longer, any number of them at once: a distant disk. It shows whether
 * reads of what is not in memory overlap, whatever the disk of the machine that runs the test.
 */
import type { ImageOffset } from '../units.js';
import { StoreAround } from './around.js';
import type { Store } from './store.js';

export class DelayedStore extends StoreAround {
  /** `milliseconds`: by how much each read is late; 0: until the event loop has had a turn. */
  constructor(
    inner: Store,
    private readonly milliseconds: number,
  ) {
    super(inner);
  }

  async read(offset: ImageOffset, into: Uint8Array): Promise<void> {
    await new Promise((resolve) =>
      this.milliseconds === 0 ? setImmediate(resolve) : setTimeout(resolve, this.milliseconds),
    );
    await this.inner.read(offset, into);
  }
}
