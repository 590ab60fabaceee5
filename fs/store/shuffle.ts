/**
 * Work that a store in memory does later and in a random but repeatable order, as a disk with a queue would:
 * it shows what depends on the order of answers. Time is counted in turns of the event loop.
 */
import { below, type Random } from './random.js';

interface Piece {
  readonly due: number;
  readonly work: () => void;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

export class Shuffle {
  private readonly pieces: Piece[] = [];
  private turn = 0;
  private awake = false;

  constructor(private readonly random: Random) {}

  /** Do the work after at least `turns` turns; of what is due, a random piece goes first. */
  later(turns: number, work: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.pieces.push({ due: this.turn + turns, work, resolve, reject });
      this.wake();
    });
  }

  private wake(): void {
    if (this.awake) return;
    this.awake = true;
    setImmediate(() => {
      this.awake = false;
      this.turn++;
      const due = this.pieces.filter((piece) => piece.due <= this.turn);
      const next = due.length === 0 ? undefined : due[below(this.random, due.length)];
      if (next) this.pieces.splice(this.pieces.indexOf(next), 1);
      if (this.pieces.length > 0) this.wake();
      if (!next) return;
      try {
        next.work();
        next.resolve();
      } catch (error) {
        next.reject(error);
      }
    });
  }
}
