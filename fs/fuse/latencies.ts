/**
 * How long requests took, by kind: a histogram each, of fixed size (latency-buckets.ts), so that counting one request is
 * two additions into memory that is there. A time goes from when the server read the request to when its answer was
 * handed over: waiting for the disk and for requests before it in the same server is in it, the kernel's queue is not.
 */
import { bucketCount, bucketOf, type SparseCounts } from './latency-buckets.js';

export interface KindLatency {
  /** Sum of all times, in ms. */
  readonly totalMs: number;
  readonly counts: SparseCounts;
}

export class Latencies {
  private readonly counts: Float64Array;
  private readonly sums: Float64Array;

  /** Kinds are numbers from 0 up to `kinds` - 1. */
  constructor(private readonly kinds: number) {
    this.counts = new Float64Array(kinds * bucketCount);
    this.sums = new Float64Array(kinds);
  }

  record(kind: number, ms: number): void {
    this.counts[kind * bucketCount + bucketOf(ms)]++;
    this.sums[kind] += ms;
  }

  /** Of the kinds that there were, under the name that `nameOf` gives them. */
  read(nameOf: (kind: number) => string): Record<string, KindLatency> {
    const found: Record<string, KindLatency> = {};
    for (let kind = 0; kind < this.kinds; kind++) {
      const row = this.counts.subarray(kind * bucketCount, (kind + 1) * bucketCount);
      const counts: number[] = [];
      for (let bucket = 0; bucket < bucketCount; bucket++) if (row[bucket] > 0) counts.push(bucket, row[bucket]);
      if (counts.length > 0) found[nameOf(kind)] = { totalMs: this.sums[kind], counts };
    }
    return found;
  }
}
