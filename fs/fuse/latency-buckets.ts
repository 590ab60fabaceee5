/**
 * How times are told apart in a histogram: buckets that are linear within each power of two, as HdrHistogram has them
 * (hdrhistogram.org), so that a bucket is at most a sixteenth as wide as what it holds, from 100 ns to 214 s, in
 * 448 buckets that are known beforehand. A quantile of it is therefore right to 6.3 %, and never too low.
 *
 * A histogram travels as the numbers of its buckets that hold something, each followed by its count; it can be added to
 * another one, and what was counted between two moments is the difference of two.
 */

/** A bucket's number and its count, in turn, by rising number. */
export type SparseCounts = readonly number[];

/** 100 ns. */
const ticksPerMs = 10_000;
const mostTicks = 2 ** 31 - 1;
/** Buckets in each power of two, as a power of two. */
const fineness = 4;
const fine = 1 << fineness;

/** A time in ms, 0 or more. */
export function bucketOf(ms: number): number {
  const ticks = Math.min(ms * ticksPerMs, mostTicks) | 0;
  const shift = 31 - fineness - Math.clz32(ticks | fine);
  return (shift << fineness) + (ticks >>> shift);
}

/** Where a bucket begins, in ms; where the one before it ends. */
export function bucketStart(bucket: number): number {
  if (bucket < fine) return bucket / ticksPerMs;
  return ((fine + (bucket % fine)) * 2 ** (Math.floor(bucket / fine) - 1)) / ticksPerMs;
}

export const bucketCount = bucketOf(Number.MAX_SAFE_INTEGER) + 1;

export const total = (counts: SparseCounts): number => counts.reduce((sum, part, at) => sum + (at % 2) * part, 0);

/** The least time in ms that this share (0 to 1) of all did not exceed, rounded up to the end of its bucket; 0 of none. */
export function quantile(counts: SparseCounts, share: number): number {
  const wanted = Math.max(1, Math.ceil(total(counts) * share));
  let seen = 0;
  for (let at = 0; at < counts.length; at += 2) {
    seen += counts[at + 1];
    if (seen >= wanted) return bucketStart(counts[at] + 1);
  }
  return 0;
}

/** How many lasted no longer than that, in ms; exact where a bucket ends. */
export function notAbove(counts: SparseCounts, ms: number): number {
  let seen = 0;
  for (let at = 0; at < counts.length && bucketStart(counts[at] + 1) <= ms; at += 2) seen += counts[at + 1];
  return seen;
}

/** What was counted since `earlier`, which is the same histogram some time ago. */
export function since(counts: SparseCounts, earlier: SparseCounts): SparseCounts {
  const before = new Map<number, number>();
  for (let at = 0; at < earlier.length; at += 2) before.set(earlier[at], earlier[at + 1]);
  const difference: number[] = [];
  for (let at = 0; at < counts.length; at += 2) {
    const more = counts[at + 1] - (before.get(counts[at]) ?? 0);
    if (more > 0) difference.push(counts[at], more);
  }
  return difference;
}
