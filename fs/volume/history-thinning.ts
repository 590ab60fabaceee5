/**
 * Which roots of the history go. A root stands for the time from its own commit to the next one's, so it is too old when
 * the next one is. Up to `mostRoots` stay as they are; beyond that the one is given up that is missed least: where the
 * gap it leaves is smallest beside its age. So the last minutes keep each commit, and what is older gets sparser, a step
 * being about a hundredth of the age for any window.
 */

/** What decides of a root; times are in seconds since 1970. */
export interface Aged {
  readonly id: number;
  readonly seconds: number;
  /** Seconds for which it stays after the next one has come. */
  readonly window: number;
}

export const mostRoots = 1000;

/** When a root is too old, seen from the one that came after it (undefined: it is the newest). Infinity: never. */
export function endOf(root: Aged, next: Aged | undefined, window: number | undefined): number {
  // The newest of a history that goes on is what the live tree was last: it has no age yet.
  if (next === undefined) return window ? Number.POSITIVE_INFINITY : root.seconds + root.window;
  return next.seconds + (window || root.window);
}

/** Of roots in the order of their making: those that are too old. `window` in seconds; undefined or 0: each its own. */
export const expired = <T extends Aged>(roots: readonly T[], now: number, window: number | undefined): T[] =>
  roots.filter((root, i) => endOf(root, roots[i + 1], window) <= now);

/** Of roots in the order of their making: those that are too many. Neither the oldest nor the newest. */
export function superfluous<T extends Aged>(roots: readonly T[], now: number, most = mostRoots): T[] {
  const left = [...roots];
  const gone: T[] = [];
  while (left.length > Math.max(most, 2)) {
    let least = 1;
    let leastCost = Number.POSITIVE_INFINITY;
    for (let i = 1; i < left.length - 1; i++) {
      const gap = left[i + 1].seconds - left[i - 1].seconds;
      const cost = (gap + 1) / (Math.max(0, now - left[i].seconds) + 1);
      if (cost >= leastCost) continue;
      least = i;
      leastCost = cost;
    }
    gone.push(...left.splice(least, 1));
  }
  return gone;
}
