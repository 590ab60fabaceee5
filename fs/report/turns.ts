/** Long looks at a volume that is in use: a few milliseconds at a time, and no longer in all than somebody waits. */
import { nextTurn } from '../suspend.js';

const stepMs = 3;

export class Turns {
  private readonly end: number;
  private began = performance.now();

  /** `mostMs`: when `late` becomes true. */
  constructor(mostMs = Number.POSITIVE_INFINITY) {
    this.end = this.began + mostMs;
  }

  /** Let requests be served if the thread was kept for long enough. */
  async pause(): Promise<void> {
    if (performance.now() - this.began < stepMs) return;
    await nextTurn();
    this.began = performance.now();
  }

  /** It has taken as long as it may: what is told is not all. */
  get late(): boolean {
    return performance.now() > this.end;
  }
}
