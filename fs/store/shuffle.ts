/**
 * Work that a store in memory does later and in a random but repeatable order, as a disk with a queue would:
 * it shows what depends on the order of answers. One piece of work is done in each turn of the event loop.
 */
import { below, type Random } from './random.js';

interface Piece {
  readonly work: () => void;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

export class Shuffle {
  private readonly pieces: Piece[] = [];
  private awake = false;

  constructor(private readonly random: Random) {}

  /** Do the work some time later. */
  later(work: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.pieces.push({ work, resolve, reject });
      this.wake();
    });
  }

  private wake(): void {
    if (this.awake) return;
    this.awake = true;
    setImmediate(() => {
      this.awake = false;
      const [piece] = this.pieces.splice(below(this.random, this.pieces.length), 1);
      if (this.pieces.length > 0) this.wake();
      try {
        piece.work();
        piece.resolve();
      } catch (error) {
        piece.reject(error);
      }
    });
  }
}
