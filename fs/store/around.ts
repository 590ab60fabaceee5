/** What stores have in common that stand on another one: its size and its name, and all that they do not change. */
import type { ImageOffset } from '../units.js';
import type { Store } from './store.js';

export abstract class StoreAround implements Store {
  readonly readOnly: boolean;
  readonly name: string;
  /** Absent where the one below can't be resized. */
  readonly resize?: (size: number) => Promise<void>;

  constructor(protected readonly inner: Store) {
    this.readOnly = inner.readOnly;
    this.name = inner.name;
    if (inner.resize !== undefined) this.resize = inner.resize.bind(inner);
  }

  get size(): number {
    return this.inner.size;
  }

  abstract read(offset: ImageOffset, into: Uint8Array): Promise<void> | undefined;

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
