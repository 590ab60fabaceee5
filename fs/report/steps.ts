/** How far it is from one thing to the next in the image, forward and backward. */
import { pageSize } from '../units.js';
import type { Classes } from './fragmentation-report.js';
import { Doubling } from './histogram.js';

export class Steps {
  private readonly forward = new Doubling();
  private readonly backward = new Doubling();

  /** A step of so many pages, negative for backward; never 0. */
  add(pages: number): void {
    (pages > 0 ? this.forward : this.backward).add(Math.abs(pages), Math.abs(pages));
  }

  get classes(): { readonly forward: Classes; readonly backward: Classes } {
    return { forward: this.forward.classes(pageSize), backward: this.backward.classes(pageSize) };
  }
}
