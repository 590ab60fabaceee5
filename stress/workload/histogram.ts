/**
 * Times in buckets whose bounds grow by an eighth of a doubling: a percentile is at most 9 % too high, whatever its
 * size, and a million times take as much memory as one.
 */
const perDoubling = 8;
/** The first bucket holds all up to an eighth of a microsecond. */
const smallest = 1 / 8;
const buckets = 40 * perDoubling;

export class Histogram {
  count = 0;
  /** The longest, in microseconds. */
  max = 0;
  private readonly counts = new Float64Array(buckets);

  /** Note a time in microseconds. */
  add(us: number): void {
    const index = us <= smallest ? 0 : Math.ceil(Math.log2(us / smallest) * perDoubling);
    this.counts[Math.min(index, buckets - 1)]++;
    this.count++;
    this.max = Math.max(this.max, us);
  }

  /** All that `other` has noted as well. */
  merge(other: Histogram): void {
    other.counts.forEach((n, i) => {
      this.counts[i] += n;
    });
    this.count += other.count;
    this.max = Math.max(this.max, other.max);
  }

  /** Microseconds that the share (0 to 1) of all times did not exceed; 0 if there are none. */
  percentile(share: number): number {
    const wanted = Math.max(1, Math.ceil(share * this.count));
    let seen = 0;
    for (let i = 0; i < buckets; i++) {
      seen += this.counts[i];
      if (seen >= wanted) return Math.min(this.max, smallest * 2 ** (i / perDoubling));
    }
    return this.max;
  }
}
