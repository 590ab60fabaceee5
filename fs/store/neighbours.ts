/**
 * Read-ahead for files that lie in pieces. What was overwritten in small parts lies in the order of its writing, so
 * the pieces that a reader wants next are often near the one that it waits for, though not behind it: the host's own
 * read-ahead, which looks for sequences, sees none. So where a piece is missing, the whole window around it is asked
 * for, as InnoDB's random read-ahead does for extents; as long as that pays: a window from which nothing else
 * is wanted counts against the habit, one that is used speaks for it.
 */

const windowBytes = 1 << 18;
/** Windows whose use is watched. */
const watched = 1024;
/** A window is worth its reading if it answers for so many pieces. */
const worthwhile = 3;
const leastScore = -32;
const mostScore = 64;
/** After the habit was dropped, one piece in so many tries again. */
const retryEvery = 64;

export class Neighbours {
  /** Pieces wanted from each window since it was asked for, in the order of asking. */
  private readonly windows = new Map<number, number>();
  private score = 0;
  private skipped = 0;

  constructor(private readonly ask: (offset: number, length: number) => void) {}

  /** A piece of a scattered file is not in memory. */
  missed(offset: number, length: number): void {
    const first = Math.floor(offset / windowBytes);
    const last = Math.floor((offset + length - 1) / windowBytes);
    for (let window = first; window <= last; window++) this.want(window);
  }

  /** A piece was in memory: perhaps because its window was asked for. */
  hit(offset: number): void {
    const window = Math.floor(offset / windowBytes);
    const uses = this.windows.get(window);
    if (uses !== undefined) this.windows.set(window, uses + 1);
  }

  private want(window: number): void {
    const uses = this.windows.get(window);
    if (uses !== undefined) {
      this.windows.set(window, uses + 1);
      return;
    }
    if (this.score <= leastScore && ++this.skipped % retryEvery !== 0) return;
    if (this.windows.size >= watched) this.judgeOldest();
    this.windows.set(window, 1);
    this.ask(window * windowBytes, windowBytes);
  }

  private judgeOldest(): void {
    const [window, uses] = this.windows.entries().next().value as [number, number];
    this.windows.delete(window);
    this.score += uses >= worthwhile ? 1 : -1;
    this.score = Math.max(leastScore, Math.min(mostScore, this.score));
  }
}
