/** Administration of a volume in use: what people ask for now and then, one thing at a time. */
import type { Checkpoints } from './checkpoints.js';
import { grow } from './resize.js';
import type { VolumeState } from './state.js';
import { trim } from './trim.js';

export class Upkeep {
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly state: VolumeState,
    private readonly checkpoints: Checkpoints,
    /** Throws EROFS or EIO. */
    private readonly mustBeWritable: () => void,
  ) {}

  /** Grow to `bytes`. Throws VolumeError when that can't be, EROFS, EIO. Durable when it resolves. */
  grow(bytes: number): Promise<void> {
    return this.next(() => grow(this.state, this.checkpoints, bytes));
  }

  /** Give all free places back to the host, with a breath after each few. Returns their bytes. EROFS, EIO. */
  trim(breathe: () => Promise<void>): Promise<number> {
    return this.next(() => trim(this.state, this.checkpoints, breathe));
  }

  private async next<T>(work: () => Promise<T>): Promise<T> {
    this.mustBeWritable();
    const turn = this.last.then(() => {
      this.mustBeWritable();
      return work();
    });
    this.last = turn.catch(() => undefined);
    return turn;
  }
}
