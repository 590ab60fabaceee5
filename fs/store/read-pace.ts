/**
 * Whether a small read is waited for in place. For a page of a quick disk that costs less than the trip to a thread and
 * back (24 to 200 us); of a slow one, nobody else shall wait for it, and reads shall overlap.
 *
 * A single read that took long means little: the disk was busy, or the processor was taken away. So each counts only up to
 * some times the limit in a moving average, and a few slow ones in a row are needed to leave. Off the place, a read is tried there
 * now and then, soon at first and ever more seldom while that fails.
 */

/**
 * Milliseconds: longest average. With 0.3 instead of 0.1, one reader of single cold pages got 1.2 times as many, and up to
 * three times where the disk was slow for a while; eight got the same (Node 20, 10 and 5 rounds in turn, 2026). Between both,
 * which was not measured by itself, as whoever else asks meanwhile waits as well.
 */
const limit = 0.2;
const mostCounted = 4 * limit;
/** So many reads on threads come before the next try in place. */
const leastApart = 16;
const mostApart = 512;
/** After so many in place, the next tries are soon again. */
const settled = 64;

export class ReadPace {
  private average = 0;
  private inPlace = true;
  private here = 0;
  private onThreads = 0;
  private apart = leastApart;

  /** Shall the next one be waited for in place? */
  get quick(): boolean {
    return this.inPlace || this.onThreads >= this.apart;
  }

  /** One was made on a thread. */
  passed(): void {
    this.onThreads++;
  }

  /** One that missed the host's memory took so many milliseconds in place. */
  took(milliseconds: number): void {
    if (!this.inPlace) {
      this.onThreads = 0;
      this.inPlace = milliseconds <= limit;
      this.average = milliseconds;
      this.apart = Math.min(mostApart, this.apart * 2);
      this.here = 0;
      return;
    }
    if (++this.here >= settled) this.apart = leastApart;
    this.average += (Math.min(milliseconds, mostCounted) - this.average) / 8;
    if (this.average <= limit) return;
    this.inPlace = false;
    this.onThreads = 0;
  }
}
