/** What a run over damaged images found, in a line, and the sum of several runs. */
import type { Tally } from './fuzz.js';

export interface FuzzRun extends Tally {
  /** The seeds of its images: `images` of them from `first` on, in each range. */
  readonly ranges: readonly { readonly first: number; readonly images: number }[];
  /** MiB that the process held at most. */
  readonly memory: number;
  readonly seconds: number;
}

/** The runs as if they had been one. Throws RangeError when two of them have an image in common, or there is none. */
export function addRuns(runs: readonly FuzzRun[]): FuzzRun {
  if (runs.length === 0) throw new RangeError('there is no run to add');
  const ranges = runs.flatMap((run) => run.ranges).sort((a, b) => a.first - b.first);
  for (let i = 1; i < ranges.length; i++) {
    const { first, images } = ranges[i - 1];
    if (first + images > ranges[i].first) throw new RangeError(`two runs have the image ${ranges[i].first}`);
  }
  const sum = (name: 'images' | 'opened' | 'repaired' | 'bits' | 'detected' | 'seconds'): number =>
    runs.reduce((total, run) => total + run[name], 0);
  const kinds: Record<string, number> = {};
  for (const run of runs) {
    for (const [kind, count] of Object.entries(run.kinds)) kinds[kind] = (kinds[kind] ?? 0) + count;
  }
  return {
    images: sum('images'),
    kinds,
    opened: sum('opened'),
    repaired: sum('repaired'),
    bits: sum('bits'),
    detected: sum('detected'),
    violations: runs.flatMap((run) => run.violations),
    ranges,
    memory: Math.max(...runs.map((run) => run.memory)),
    seconds: sum('seconds'),
  };
}

export function summaryOf(run: FuzzRun): string {
  const { images, kinds, opened, repaired, bits, detected, violations, ranges, memory, seconds } = run;
  const of = ranges.map(({ first, images: count }) => `${first} to ${first + count - 1}`);
  const each = Object.entries(kinds).map(([kind, count]) => `${kind} ${count}`);
  return (
    `seeds ${of.join(', ')}: ${images} images (${each.join(', ')}); ${opened} opened, ${repaired} repaired, ` +
    `${images - repaired - violations.length} refused by fsck; ${bits} flipped bits, ${detected} of them detected, the ` +
    `others harmless; at most ${memory} MiB of memory; ${violations.length} violations, ${seconds} s`
  );
}
