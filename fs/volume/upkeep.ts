/** Administration of a volume in use: what people ask for now and then, one thing at a time. */
import type { Checkpoints } from './checkpoints.js';
import type { Cleaning } from './cleaning.js';
import { type Resizable, resize } from './resize.js';
import type { VolumeState } from './state.js';
import { trim } from './trim.js';

/** The volume, as far as upkeep asks it. */
export interface Owner {
  readonly state: VolumeState;
  /** Throws EROFS or EIO. */
  mustBeWritable(operation: string): void;
  sync(): Promise<void>;
}

export class Upkeep {
  private last: Promise<unknown> = Promise.resolve();

  private readonly volume: Resizable;

  constructor(
    private readonly owner: Owner,
    checkpoints: Checkpoints,
    cleaning: Cleaning,
  ) {
    this.volume = { state: owner.state, checkpoints, cleaning, sync: () => owner.sync() };
  }

  /** Grow or shrink to `bytes`. Throws VolumeError when that can't be, EROFS, EIO. Durable when it resolves. */
  resize(bytes: number): Promise<void> {
    return this.next(() => resize(this.volume, bytes));
  }

  /** Give all free places back to the host, with a breath after each few. Returns their bytes. EROFS, EIO. */
  trim(breathe: () => Promise<void>): Promise<number> {
    return this.next(() => trim(this.volume.state, this.volume.checkpoints, breathe));
  }

  private async next<T>(work: () => Promise<T>): Promise<T> {
    this.owner.mustBeWritable('upkeep');
    const turn = this.last.then(() => {
      this.owner.mustBeWritable('upkeep');
      return work();
    });
    this.last = turn.catch(() => undefined);
    return turn;
  }
}
