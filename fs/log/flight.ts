/**
 * Consecutive pages of one place on their way to the store: gathered first, then in flight. Until they have
 * arrived, reads of these pages are served from here; for ever, if the store refuses them.
 */
import { type Place, pageSize } from '../units.js';

export class Flight {
  pages = 0;
  readonly buffers: Uint8Array[] = [];
  private readonly whenDone: (() => void)[] = [];

  constructor(
    readonly place: Place,
    readonly page: number,
  ) {}

  add(buffer: Uint8Array, pages: number, done: (() => void) | undefined): void {
    this.buffers.push(buffer);
    this.pages += pages;
    if (done !== undefined) this.whenDone.push(done);
  }

  /** The store has refused them: what was accepted is from here on only here. The buffers may be used again. */
  refused(): void {
    for (const [i, buffer] of this.buffers.entries()) this.buffers[i] = new Uint8Array(buffer);
    this.landed();
  }

  /** The buffers may be used again. */
  landed(): void {
    for (const done of this.whenDone) done();
  }

  /** Copy pages [page, page + pages) of the place as far as they are here. */
  copyOut(place: Place, page: number, pages: number, into: Uint8Array): void {
    if (place !== this.place || page >= this.page + this.pages || page + pages <= this.page) return;
    let at = this.page;
    for (const buffer of this.buffers) {
      const count = buffer.length / pageSize;
      const from = Math.max(page, at);
      const to = Math.min(page + pages, at + count);
      if (from < to) into.set(buffer.subarray((from - at) * pageSize, (to - at) * pageSize), (from - page) * pageSize);
      at += count;
    }
  }

  /** Whether all of these pages are here. */
  covers(place: Place, page: number, pages: number): boolean {
    return place === this.place && page >= this.page && page + pages <= this.page + this.pages;
  }
}
