/** Syncs that are under way while other operations go on, and what each makes durable when it has been answered. */
import type { SimulatedDisk } from '../../fs/store/simulated-disk.js';
import type { History } from '../model/history.js';

export class BackgroundSyncs {
  private readonly waiting = new Set<Promise<void>>();
  private failure: unknown;

  constructor(private readonly history: History) {}

  get size(): number {
    return this.waiting.size;
  }

  /** A sync of everything or of `files` begins: all that has happened by now is durable when it is answered. */
  begin(disk: SimulatedDisk, files: readonly number[] | undefined, sync: () => Promise<unknown>): void {
    const moment = this.history.now();
    const done = sync().then(
      () => {
        this.waiting.delete(done);
        this.history.durable(moment, files);
      },
      (error: unknown) => {
        this.waiting.delete(done);
        if (disk.powered) this.failure ??= error;
      },
    );
    this.waiting.add(done);
  }

  /** Once all have been answered, or failed. */
  async ended(): Promise<void> {
    await Promise.all(this.waiting);
  }

  /** The same, and throws what one failed with although the disk had power. */
  async settled(): Promise<void> {
    await this.ended();
    if (this.failure) throw this.failure;
  }
}
