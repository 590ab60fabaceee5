/**
 * A store whose reads take a fixed time longer, any number of them at once: a distant disk. It shows whether
 * reads of what is not in memory overlap, whatever the disk of the machine that runs the test.
 */
import type { ImageOffset } from '../units.js';
import type { Store } from './store.js';

export class DelayedStore implements Store {
  readonly readOnly: boolean;
  readonly name: string;

  /** `milliseconds`: by how much each read is late; 0: until the event loop has had a turn. */
  constructor(
    private readonly inner: Store,
    private readonly milliseconds: number,
  ) {
    this.readOnly = inner.readOnly;
    this.name = inner.name;
  }

  get size(): number {
    return this.inner.size;
  }

  async resize(size: number): Promise<void> {
    await this.inner.resize?.(size);
  }

  async read(offset: ImageOffset, into: Uint8Array): Promise<void> {
    await new Promise((resolve) =>
      this.milliseconds === 0 ? setImmediate(resolve) : setTimeout(resolve, this.milliseconds),
    );
    await this.inner.read(offset, into);
  }

  write(offset: ImageOffset, buffers: readonly Uint8Array[]): Promise<void> | undefined {
    return this.inner.write(offset, buffers);
  }

  barrier(): Promise<void> | undefined {
    return this.inner.barrier();
  }

  discard(offset: ImageOffset, length: number): Promise<void> | undefined {
    return this.inner.discard(offset, length);
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}
