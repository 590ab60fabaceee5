/**
 * A store in memory, for tests and for tools that need a volume for a moment. It answers in place, or, with
 * `shuffled`, late and in a random but repeatable order, so that operations suspend and overlap.
 */
import { FsError } from '../errors.js';
import type { ImageOffset } from '../units.js';
import { chance, type Random } from './random.js';
import { Shuffle } from './shuffle.js';
import { SparseBytes } from './sparse-bytes.js';
import type { Store } from './store.js';

export interface MemoryOptions {
  readonly readOnly?: boolean;
  /** Contents to start from; they are used, not copied. */
  readonly bytes?: SparseBytes;
  /** Answer later, in an order that `random` gives; `inPlace`: share of calls answered in place (default a quarter). */
  readonly shuffled?: { readonly random: Random; readonly inPlace?: number };
}

export class MemoryStore implements Store {
  readonly name: string = 'memory';
  readonly readOnly: boolean;
  readonly bytes: SparseBytes;
  private readonly shuffle: Shuffle | undefined;
  private readonly writing = new Set<Promise<void>>();

  constructor(
    public size: number,
    private readonly options: MemoryOptions = {},
  ) {
    this.readOnly = options.readOnly ?? false;
    this.bytes = options.bytes ?? new SparseBytes(size);
    this.shuffle = options.shuffled ? new Shuffle(options.shuffled.random) : undefined;
  }

  read(offset: ImageOffset, into: Uint8Array): Promise<void> | undefined {
    this.check('read', offset, into.length);
    return this.perform(() => this.bytes.read(offset, into));
  }

  write(offset: ImageOffset, buffers: readonly Uint8Array[]): Promise<void> | undefined {
    if (this.readOnly) throw new FsError('EROFS', 'write', undefined, this.name);
    let length = 0;
    for (const buffer of buffers) length += buffer.length;
    this.check('write', offset, length);
    const list = buffers.slice();
    return this.track(
      this.perform(() => {
        let at = offset;
        for (const buffer of list) {
          this.bytes.write(at, buffer);
          at += buffer.length;
        }
      }),
    );
  }

  barrier(): Promise<void> | undefined {
    if (this.writing.size === 0) return this.perform(() => {});
    return Promise.all(this.writing).then(() => this.perform(() => {}));
  }

  discard(offset: ImageOffset, length: number): Promise<void> | undefined {
    if (this.readOnly) throw new FsError('EROFS', 'discard', undefined, this.name);
    this.check('discard', offset, length);
    this.bytes.discard(offset, length);
    return undefined;
  }

  async resize(size: number): Promise<void> {
    if (size < this.size) this.bytes.zero(size, this.size - size);
    this.size = size;
    this.bytes.size = size;
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.writing);
  }

  private check(operation: string, offset: number, length: number): void {
    if (offset < 0 || offset + length > this.size) {
      throw new FsError('EIO', operation, undefined, `bytes ${offset} to ${offset + length} of ${this.size}`);
    }
  }

  private perform(work: () => void): Promise<void> | undefined {
    const shuffled = this.options.shuffled;
    if (this.shuffle && shuffled && !chance(shuffled.random, shuffled.inPlace ?? 0.25))
      return this.shuffle.later(1, work);
    work();
    return undefined;
  }

  private track(work: Promise<void> | undefined): Promise<void> | undefined {
    if (!work) return undefined;
    this.writing.add(work);
    const forget = (): void => {
      this.writing.delete(work);
    };
    work.then(forget, forget);
    return work;
  }
}
